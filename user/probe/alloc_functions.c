// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "probe/alloc_functions.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Symbols that tell what a file is. */
enum hint {
	HINT_LOADER = 1,
	HINT_GLIBC = 2,
	HINT_LIBC = 4,
	HINT_JEMALLOC = 8,
	HINT_TCMALLOC = 16,
};

static const struct {
	const char *name;
	enum hint hint;
} hints[] = {
	{ "_rtld_global", HINT_LOADER },
	{ "gnu_get_libc_version", HINT_GLIBC },
	{ "_IO_2_1_stdout_", HINT_GLIBC },
	{ "_int_malloc", HINT_GLIBC },
	{ "__libc_start_main", HINT_LIBC },
	{ "mallocx", HINT_JEMALLOC },
	{ "TCMallocInternalMalloc", HINT_TCMALLOC },
};

struct reading {
	struct elf_file *file;
	struct alloc_prefixes prefixes;
	unsigned hints;                         /* enum hint */
	unsigned char seen[ALLOC_PREFIXES_MAX]; /* bit 0: malloc, bit 1: free */
	struct alloc_functions *to;             /* NULL: only asked whether there are any */
	bool symbols;
};

typedef int (*symbol_fn)(struct reading *r, const char *name, const GElf_Sym *sym);

/* The strings of a table, up to the last that is terminated. */
static size_t strings_read(Elf *elf, size_t section, const char **strings)
{
	Elf_Scn *scn = elf_getscn(elf, section);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	const char *last = data && data->d_buf ? memrchr(data->d_buf, '\0', data->d_size) : NULL;

	if (!last)
		return 0;
	*strings = data->d_buf;
	return (size_t)(last - *strings);
}

static int table_each(struct reading *r, Elf_Scn *scn, const GElf_Shdr *shdr, symbol_fn each)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	const char *strings;
	size_t size = strings_read(r->file->elf, shdr->sh_link, &strings);
	int rc = 0;

	if (!data || !data->d_buf)
		return 0;
	for (size_t i = 1; i < data->d_size / sizeof(Elf64_Sym) && rc == 0; i++) {
		GElf_Sym sym;

		if (gelf_getsym(data, (int)i, &sym) && sym.st_shndx != SHN_UNDEF &&
		    sym.st_name < size && strings[sym.st_name])
			rc = each(r, strings + sym.st_name, &sym);
	}
	return rc;
}

/* All symbols that are defined in the file; a damaged table is as good as none. */
static int symbols_each(struct reading *r, symbol_fn each)
{
	Elf_Scn *scn = NULL;
	int rc = 0;

	while (rc == 0 && (scn = elf_nextscn(r->file->elf, scn))) {
		GElf_Shdr shdr;

		if (gelf_getshdr(scn, &shdr) &&
		    (shdr.sh_type == SHT_DYNSYM || shdr.sh_type == SHT_SYMTAB))
			rc = table_each(r, scn, &shdr, each);
	}
	return rc;
}

static bool is_code(const struct reading *r, uint64_t vaddr)
{
	vec_for_each(s, &r->file->segments) {
		if (s->executable && vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz)
			return true;
	}
	return false;
}

static bool is_function(const struct reading *r, const GElf_Sym *sym)
{
	unsigned type = GELF_ST_TYPE(sym->st_info);

	return (type == STT_FUNC || type == STT_GNU_IFUNC) && is_code(r, sym->st_value);
}

/* Is the name this one, but for a version? */
static bool base_is(const char *name, const char *base)
{
	size_t len = strlen(base);

	return strncmp(name, base, len) == 0 && (name[len] == '\0' || name[len] == '@');
}

static int family_take(struct reading *r, const char *name, const GElf_Sym *sym)
{
	struct alloc_name what;

	if (!is_function(r, sym))
		return 0;
	r->symbols = true;
	if (!alloc_name_parse(&r->prefixes, name, &what) || what.cxx)
		return 0;
	if (base_is(name + r->prefixes.lens[what.prefix], "malloc"))
		r->seen[what.prefix] |= 1;
	else if (base_is(name + r->prefixes.lens[what.prefix], "free"))
		r->seen[what.prefix] |= 2;
	return 0;
}

static int name_take(struct reading *r, const char *name, const GElf_Sym *sym)
{
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
		if (strcmp(name, hints[i].name) == 0)
			r->hints |= hints[i].hint;
	}
	if (name[0] != '_' || name[1] != 'Z')
		alloc_prefixes_learn(&r->prefixes, name);
	return family_take(r, name, sym);
}

static bool family_whole(const struct reading *r, size_t prefix)
{
	return r->seen[prefix] == 3;
}

/* The family of the operators new and delete: they have no prefix. */
static bool operators_belong(const struct reading *r)
{
	for (size_t i = 0; i < r->prefixes.len; i++) {
		if (family_whole(r, i))
			return true;
	}
	return false;
}

/* A resolver that knows but one function: [endbr64] lea target(%rip),%rax; ret */
static uint64_t ifunc_target(struct elf_file *f, uint64_t resolver)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa }, lea[] = { 0x48, 0x8d, 0x05 };
	uint8_t bytes[8];
	int32_t distance;

	if (elf_file_read(f, resolver, bytes, 4) == 0 && memcmp(bytes, endbr64, 4) == 0)
		resolver += 4;
	if (elf_file_read(f, resolver, bytes, 8) < 0 || memcmp(bytes, lea, sizeof(lea)) != 0 ||
	    bytes[7] != 0xc3)
		return 0;
	memcpy(&distance, bytes + 3, sizeof(distance));
	return resolver + 7 + (uint64_t)(int64_t)distance;
}

static int function_take(struct reading *r, const char *name, const GElf_Sym *sym)
{
	struct alloc_name what;

	if (!is_function(r, sym))
		return 0;
	if (alloc_name_parse(&r->prefixes, name, &what)) {
		if (!(what.cxx ? operators_belong(r) : family_whole(r, what.prefix)))
			return 0;
		struct alloc_function function = {
			.entry = sym->st_value,
			.end = sym->st_value + sym->st_size,
			.name = name,
			.what = what,
			.ifunc = GELF_ST_TYPE(sym->st_info) == STT_GNU_IFUNC,
		};
		uint64_t target = function.ifunc ? ifunc_target(r->file, function.entry) : 0;
		if (is_code(r, target)) {
			function.entry = function.end = target;
			function.ifunc = false;
		}
		if (function.end < function.entry)
			function.end = function.entry;
		return vec_push(&r->to->items, function);
	}
	enum call_role role = call_role_parse(name);
	if (role == CALL_OTHER)
		return 0;
	struct alloc_callee callee = { .entry = sym->st_value, .role = role };
	return vec_push(&r->to->callees, callee);
}

/* By entry, the best name first: a plain one rather than one with a version. */
static int functions_compare(const void *a, const void *b)
{
	const struct alloc_function *x = a, *y = b;

	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	if (x->what.rank != y->what.rank)
		return x->what.rank < y->what.rank ? -1 : 1;
	return !!strchr(x->name, '@') - !!strchr(y->name, '@');
}

static int callees_compare(const void *a, const void *b)
{
	const struct alloc_callee *x = a, *y = b;

	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* The entry of the function of a family that has this name's end, or 0. */
static uint64_t family_entry(const struct reading *r, const char *prefix, const char *base)
{
	size_t len = strlen(prefix);

	vec_for_each(f, &r->to->items) {
		if (strncmp(f->name, prefix, len) == 0 && base_is(f->name + len, base))
			return f->entry;
	}
	return 0;
}

/* The allocator that has the names without a prefix. */
static enum allocator plain_allocator(const struct reading *r)
{
	uint64_t plain = family_entry(r, "", "malloc");

	if (r->hints & HINT_JEMALLOC)
		return ALLOCATOR_JEMALLOC;
	if (plain && plain == family_entry(r, "mi_", "malloc"))
		return ALLOCATOR_MIMALLOC;
	if ((r->hints & HINT_TCMALLOC) || (plain && plain == family_entry(r, "tc_", "malloc")))
		return ALLOCATOR_TCMALLOC;
	if (r->hints & HINT_GLIBC)
		return ALLOCATOR_GLIBC;
	return r->hints & HINT_LIBC ? ALLOCATOR_MUSL : ALLOCATOR_CUSTOM;
}

static void allocators_tell(struct reading *r)
{
	size_t plain = alloc_prefixes_find(&r->prefixes, "");
	size_t tc = alloc_prefixes_find(&r->prefixes, "tc_");
	size_t mi = alloc_prefixes_find(&r->prefixes, "mi_");
	enum allocator of_plain = plain_allocator(r);

	/* Operators new and delete of an allocator that has no plain names are its own, too. */
	if (!family_whole(r, plain)) {
		if (family_whole(r, mi))
			of_plain = ALLOCATOR_MIMALLOC;
		else if (family_whole(r, tc))
			of_plain = ALLOCATOR_TCMALLOC;
		else
			of_plain = ALLOCATOR_JEMALLOC;
	}
	vec_for_each(f, &r->to->items) {
		if (f->what.prefix == plain)
			f->allocator = of_plain;
		else if (f->what.prefix == mi)
			f->allocator = ALLOCATOR_MIMALLOC;
		else if (f->what.prefix == tc)
			f->allocator = ALLOCATOR_TCMALLOC;
		else
			f->allocator = ALLOCATOR_JEMALLOC;
	}
}

/* Symbols of one address become one function. */
static void aliases_merge(struct alloc_functions *t)
{
	size_t kept = 0;

	if (t->items.len == 0)
		return;
	qsort(t->items.items, t->items.len, sizeof(t->items.items[0]), functions_compare);
	for (size_t i = 1; i < t->items.len; i++) {
		struct alloc_function *into = &t->items.items[kept], *from = &t->items.items[i];

		if (from->entry != into->entry) {
			t->items.items[++kept] = *from;
			continue;
		}
		into->what.throws |= from->what.throws;
		into->what.aligned |= from->what.aligned;
		into->what.rounds &= from->what.rounds;
		if (from->end > into->end)
			into->end = from->end;
	}
	t->items.len = kept + 1;
}

static bool families_read(struct reading *r)
{
	alloc_prefixes_init(&r->prefixes);
	size_t known = r->prefixes.len;
	symbols_each(r, name_take);
	if (r->prefixes.len > known)
		symbols_each(r, family_take);
	return !(r->hints & HINT_LOADER) && operators_belong(r);
}

int alloc_functions_read(struct elf_file *f, struct alloc_functions *ret, struct err *e)
{
	struct reading r = { .file = f, .to = ret };
	bool any = families_read(&r);

	ret->symbols = r.symbols;
	if (!any)
		return 0;
	if (symbols_each(&r, function_take) < 0)
		return err_set(e, -ENOMEM, "cannot read the functions of '%s'", f->name);
	allocators_tell(&r);
	aliases_merge(ret);
	if (ret->callees.len)
		qsort(ret->callees.items, ret->callees.len, sizeof(ret->callees.items[0]),
		      callees_compare);
	return 0;
}

void alloc_functions_deinit(struct alloc_functions *t)
{
	vec_deinit(&t->items);
	vec_deinit(&t->callees);
}

bool alloc_functions_any(struct elf_file *f)
{
	struct reading r = { .file = f };

	return families_read(&r);
}

const struct alloc_function *alloc_functions_find(const struct alloc_functions *t, uint64_t entry)
{
	size_t low = 0, high = t->items.len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (t->items.items[mid].entry == entry)
			return &t->items.items[mid];
		if (t->items.items[mid].entry < entry)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

enum call_role alloc_functions_role(const struct alloc_functions *t, uint64_t entry)
{
	struct alloc_callee key = { .entry = entry };
	const struct alloc_callee *found = NULL;

	if (t->callees.len)
		found = bsearch(&key, t->callees.items, t->callees.len, sizeof(t->callees.items[0]),
				callees_compare);
	return found ? found->role : CALL_OTHER;
}
