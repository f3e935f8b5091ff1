// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/symtab.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "sym/alias.h"
#include "sym/spans.h"

/* What decides between aliases, in descending weight, in the low bits of symbol.rank. */
#define RANK_SIZED    4u
#define RANK_EXPORTED 2u
#define RANK_FUNCTION 1u

struct symbol {
	uint64_t start;
	uint64_t end;  /* a symbol without a size: the end of its section */
	uint32_t name; /* offset in the string table */
	uint32_t rank;
};

struct section {
	uint64_t end;
	bool executable;
};

struct symtab {
	struct spans spans; /* id: offset in the string table */
	const char *names;
	size_t names_size;
};

/* What building needs and a finished table does not. */
struct reading {
	struct elf_file *file;
	struct symtab *table;
	vec_of(struct section) sections;
	vec_of(struct symbol) symbols;
};

static int damaged(const struct reading *r, const char *what, struct err *e)
{
	return err_plain(e, -ENOEXEC, "'%s' is a damaged ELF file: %s", r->file->name, what);
}

/* Find the table and its strings, and remember every section. */
static int sections_read(struct reading *r, GElf_Word type, Elf_Scn **table, GElf_Shdr *header,
			 struct err *e)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	*table = NULL;
	if (vec_push(&r->sections, (struct section){ 0 }) < 0) /* section 0 is SHN_UNDEF */
		return err_set(e, -ENOMEM, "cannot read the symbols of '%s'", r->file->name);
	while ((scn = elf_nextscn(r->file->elf, scn))) {
		if (!gelf_getshdr(scn, &shdr))
			return damaged(r, "a section header", e);
		if (vec_push(&r->sections, (struct section){
						   .end = shdr.sh_addr + shdr.sh_size,
						   .executable = shdr.sh_flags & SHF_EXECINSTR,
					   }) < 0)
			return err_set(e, -ENOMEM, "cannot read the symbols of '%s'",
				       r->file->name);
		if (shdr.sh_type == type && !*table) {
			*table = scn;
			*header = shdr;
		}
	}
	return *table ? 0 : -ENOENT;
}

static int names_read(struct reading *r, GElf_Word section, struct err *e)
{
	Elf_Scn *scn = elf_getscn(r->file->elf, section);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;

	if (!data || !data->d_buf || data->d_size == 0 || data->d_size > UINT32_MAX ||
	    ((const char *)data->d_buf)[data->d_size - 1] != '\0')
		return damaged(r, "the names of its symbols", e);
	r->table->names = data->d_buf;
	r->table->names_size = data->d_size;
	return 0;
}

static bool symbol_wanted(const struct reading *r, const GElf_Sym *sym)
{
	unsigned char type = GELF_ST_TYPE(sym->st_info);

	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return false;
	/* Undefined, absolute and other reserved section numbers are past the last section. */
	if (sym->st_shndx >= r->sections.len || !r->sections.items[sym->st_shndx].executable)
		return false;
	return sym->st_name && sym->st_name < r->table->names_size &&
	       r->table->names[sym->st_name] != '\0' &&
	       sym->st_value + sym->st_size >= sym->st_value;
}

static int symbols_read(struct reading *r, Elf_Scn *scn, const GElf_Shdr *shdr, struct err *e)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Sym sym;

	if (!data || shdr->sh_entsize != sizeof(Elf64_Sym))
		return damaged(r, "its symbol table", e);
	for (int i = 0; gelf_getsym(data, i, &sym); i++) {
		if (!symbol_wanted(r, &sym))
			continue;
		struct symbol s = {
			.start = sym.st_value,
			.end = sym.st_value + sym.st_size,
			.name = sym.st_name,
			.rank = (sym.st_size ? RANK_SIZED : 0) |
				(GELF_ST_BIND(sym.st_info) != STB_LOCAL ? RANK_EXPORTED : 0) |
				(GELF_ST_TYPE(sym.st_info) != STT_NOTYPE ? RANK_FUNCTION : 0),
		};
		if (!sym.st_size && r->sections.items[sym.st_shndx].end > s.start)
			s.end = r->sections.items[sym.st_shndx].end;
		if (vec_push(&r->symbols, s) < 0)
			return err_set(e, -ENOMEM, "cannot read the symbols of '%s'",
				       r->file->name);
	}
	return 0;
}

/* By address, then the best name first. */
static int symbol_compare(const void *pa, const void *pb, void *names)
{
	const struct symbol *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank > b->rank ? -1 : 1;
	return alias_compare((char *)names + a->name, (char *)names + b->name);
}

/* Turn the sorted symbols into spans: one for each address, labels dropped, sizes made up. */
static int spans_fill(struct reading *r, enum symtab_kind kind, struct err *e)
{
	struct symbol *symbols = r->symbols.items;
	uint64_t sized_end = 0;   /* the furthest end of a symbol with a size so far */
	struct span *open = NULL; /* the last span, while it lacks a size */

	if (vec_reserve(&r->table->spans.items, r->symbols.len) < 0)
		return err_set(e, -ENOMEM, "cannot read the symbols of '%s'", r->file->name);
	for (size_t i = 0; i < r->symbols.len; i++) {
		const struct symbol *s = &symbols[i];
		bool sized = s->rank & RANK_SIZED;

		if (i > 0 && symbols[i - 1].start == s->start)
			continue;
		if (open && open->end > s->start)
			open->end = s->start;
		open = NULL;
		if (!sized && s->start < sized_end)
			continue;
		struct span span = { .start = s->start, .end = s->end, .id = s->name };
		if (!sized && kind == SYMTAB_DYNAMIC)
			span.end = span.start;
		vec_push(&r->table->spans.items, span); /* reserved above */
		if (!sized)
			open = &r->table->spans.items.items[r->table->spans.items.len - 1];
		else if (s->end > sized_end)
			sized_end = s->end;
	}
	spans_index(&r->table->spans);
	return 0;
}

int symtab_create(struct elf_file *f, enum symtab_kind kind, struct symtab **ret, struct err *e)
{
	const char *name = kind == SYMTAB_STATIC ? ".symtab" : ".dynsym";
	struct reading r = { .file = f, .table = calloc(1, sizeof(struct symtab)) };
	Elf_Scn *scn;
	GElf_Shdr shdr = { 0 };

	if (!r.table)
		return err_set(e, -ENOMEM, "cannot read the symbols of '%s'", f->name);
	int rc = sections_read(&r, kind == SYMTAB_STATIC ? SHT_SYMTAB : SHT_DYNSYM, &scn, &shdr, e);
	if (rc == -ENOENT)
		err_plain(e, rc, "'%s' has no %s", f->name, name);
	if (rc == 0)
		rc = names_read(&r, shdr.sh_link, e);
	if (rc == 0)
		rc = symbols_read(&r, scn, &shdr, e);
	if (rc == 0 && r.symbols.len)
		qsort_r(r.symbols.items, r.symbols.len, sizeof(struct symbol), symbol_compare,
			(void *)r.table->names);
	if (rc == 0)
		rc = spans_fill(&r, kind, e);
	vec_deinit(&r.sections);
	vec_deinit(&r.symbols);
	if (rc < 0) {
		symtab_destroy(r.table);
		return rc;
	}
	*ret = r.table;
	return 0;
}

void symtab_destroy(struct symtab *t)
{
	if (!t)
		return;
	spans_deinit(&t->spans);
	free(t);
}

static bool symbol_tell(const struct symtab *t, const struct span *span, struct symtab_symbol *ret)
{
	if (!span)
		return false;
	const char *name = t->names + span->id;
	/* "name@VERSION" or "name@@VERSION"; an @ in front is part of the name. */
	const char *at = strchr(name + 1, '@');
	*ret = (struct symtab_symbol){
		.start = span->start,
		.end = span->end,
		.name = name,
		.name_len = at ? (size_t)(at - name) : strlen(name),
	};
	return true;
}

bool symtab_find(const struct symtab *t, uint64_t addr, struct symtab_symbol *ret)
{
	return symbol_tell(t, spans_find(&t->spans, addr), ret);
}

bool symtab_find_start(const struct symtab *t, uint64_t addr, struct symtab_symbol *ret)
{
	const struct span *span = spans_floor(&t->spans, addr);

	return symbol_tell(t, span && span->start == addr ? span : NULL, ret);
}
