// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "probe/calls.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

/* A pointer that the dynamic loader fills. */
struct slot {
	uint64_t vaddr;
	const char *name; /* of the function that it points to; NULL: none */
	uint64_t target;  /* if that is in the file, else 0 */
};

struct calls {
	struct code *code;
	const struct alloc_functions *functions;
	struct alloc_prefixes prefixes;
	vec_of(struct slot) slots; /* by vaddr */
};

static bool fills_slot(unsigned type)
{
	return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
}

static int relocation_take(struct calls *c, struct elf_file *f, Elf_Data *symbols, size_t strings,
			   const GElf_Rela *rela)
{
	struct slot slot = { .vaddr = rela->r_offset };
	GElf_Sym sym;

	if (!fills_slot(GELF_R_TYPE(rela->r_info)))
		return 0;
	if (symbols && gelf_getsym(symbols, (int)GELF_R_SYM(rela->r_info), &sym)) {
		slot.name = elf_strptr(f->elf, strings, sym.st_name);
		if (sym.st_shndx != SHN_UNDEF && GELF_ST_TYPE(sym.st_info) == STT_FUNC)
			slot.target = sym.st_value;
	}
	return vec_push(&c->slots, slot);
}

static int section_read(struct calls *c, struct elf_file *f, Elf_Scn *scn, const GElf_Shdr *shdr)
{
	Elf_Data *data = elf_getdata(scn, NULL), *symbols = NULL;
	Elf_Scn *table = elf_getscn(f->elf, shdr->sh_link);
	size_t strings = 0;
	GElf_Shdr of_table;
	int rc = 0;

	if (!data || !data->d_buf)
		return 0;
	if (table && gelf_getshdr(table, &of_table) &&
	    (of_table.sh_type == SHT_DYNSYM || of_table.sh_type == SHT_SYMTAB)) {
		symbols = elf_getdata(table, NULL);
		strings = of_table.sh_link;
	}
	for (size_t i = 0; i < data->d_size / sizeof(Elf64_Rela) && rc == 0; i++) {
		GElf_Rela rela;

		if (gelf_getrela(data, (int)i, &rela))
			rc = relocation_take(c, f, symbols, strings, &rela);
	}
	return rc;
}

static int slots_compare(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

int calls_create(struct elf_file *f, struct code *code, const struct alloc_functions *functions,
		 struct calls **ret, struct err *e)
{
	struct calls *c = calloc(1, sizeof(*c));
	Elf_Scn *scn = NULL;
	int rc = c ? 0 : -ENOMEM;

	if (c) {
		c->code = code;
		c->functions = functions;
		alloc_prefixes_init(&c->prefixes);
	}
	while (rc == 0 && (scn = elf_nextscn(f->elf, scn))) {
		GElf_Shdr shdr;

		/* Those that the linker has not done itself are loaded. */
		if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_RELA &&
		    (shdr.sh_flags & SHF_ALLOC))
			rc = section_read(c, f, scn, &shdr);
	}
	if (rc < 0) {
		calls_destroy(c);
		return err_set(e, rc, "cannot read the relocations of '%s'", f->name);
	}
	if (c->slots.len)
		qsort(c->slots.items, c->slots.len, sizeof(c->slots.items[0]), slots_compare);
	*ret = c;
	return 0;
}

void calls_destroy(struct calls *c)
{
	if (!c)
		return;
	vec_deinit(&c->slots);
	free(c);
}

static struct callee of_role(enum call_role role, struct callee other)
{
	switch (role) {
	case CALL_HARMLESS:
		other.kind = CALLEE_HARMLESS;
		break;
	case CALL_ENDS:
		other.kind = CALLEE_ENDS;
		break;
	case CALL_THROWS:
		other.kind = CALLEE_THROWS;
		break;
	case CALL_OTHER:
		break;
	}
	return other;
}

static struct callee of_code(const struct calls *c, uint64_t vaddr)
{
	const struct alloc_function *f = alloc_functions_find(c->functions, vaddr);

	if (f)
		return (struct callee){ .kind = CALLEE_ALLOC, .vaddr = vaddr, .what = f->what };
	return of_role(alloc_functions_role(c->functions, vaddr),
		       (struct callee){ .kind = CALLEE_CODE, .vaddr = vaddr });
}

static struct callee of_slot(const struct calls *c, uint64_t vaddr)
{
	struct callee callee = { .kind = CALLEE_UNKNOWN };
	struct slot key = { .vaddr = vaddr };
	const struct slot *slot = NULL;

	if (c->slots.len)
		slot = bsearch(&key, c->slots.items, c->slots.len, sizeof(key), slots_compare);
	if (slot && slot->target)
		return of_code(c, slot->target);
	if (!slot || !slot->name || !*slot->name)
		return callee;
	if (alloc_name_parse(&c->prefixes, slot->name, &callee.what)) {
		callee.kind = CALLEE_ALLOC;
		return callee;
	}
	callee.kind = CALLEE_OUTSIDE;
	return of_role(call_role_parse(slot->name), callee);
}

struct callee calls_resolve(struct calls *c, const struct insn *in)
{
	struct insn stub;

	if (in->via_slot)
		return of_slot(c, in->target);
	if (!in->direct)
		return (struct callee){ .kind = CALLEE_UNKNOWN };
	struct callee callee = of_code(c, in->target);
	if (callee.kind != CALLEE_CODE || !code_insn(c->code, in->target, &stub))
		return callee;
	/* An entry of the linkage table: [endbr64] jmp *slot */
	if (stub.effect == EFFECT_NONE && !code_insn(c->code, in->target + stub.len, &stub))
		return callee;
	return stub.flow == FLOW_JUMP && stub.via_slot ? of_slot(c, stub.target) : callee;
}
