// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "probe/alloc_names.h"

#include <string.h>

#include "base/cleanup.h"

#define MALLOCX "mallocx"

enum family {
	FAMILY_ANY = 1,      /* C's names: every family has them */
	FAMILY_LIBC = 2,     /* the family "" alone */
	FAMILY_JEMALLOC = 4, /* "" and those learned: http://jemalloc.net/jemalloc.3.html */
	FAMILY_TC = 8,       /* gperftools/tcmalloc.h */
	FAMILY_MI = 16,      /* mimalloc.h */
};

/* The best name of an address first. */
static const struct row {
	const char *base;
	unsigned families;
	struct alloc_name name;
} rows[] = {
	{ "malloc", FAMILY_ANY, { .call = ALLOC_SIZE0 } },
	{ "calloc", FAMILY_ANY, { .call = ALLOC_CALLOC } },
	{ "realloc", FAMILY_ANY, { .call = ALLOC_REALLOC } },
	{ "free", FAMILY_ANY, { .call = ALLOC_FREE } },
	{ "memalign", FAMILY_ANY, { .call = ALLOC_SIZE1, .aligned = true, .alignment = true } },
	{ "aligned_alloc",
	  FAMILY_ANY,
	  { .call = ALLOC_SIZE1, .aligned = true, .alignment = true } },
	{ "posix_memalign",
	  FAMILY_ANY,
	  { .call = ALLOC_POSIX_MEMALIGN, .aligned = true, .alignment = true } },
	{ "valloc", FAMILY_ANY, { .call = ALLOC_SIZE0, .aligned = true } },
	{ "pvalloc", FAMILY_ANY, { .call = ALLOC_SIZE0, .aligned = true, .rounds = true } },
	{ "reallocarray", FAMILY_ANY, { .call = ALLOC_REALLOCARRAY } },
	{ "cfree", FAMILY_ANY, { .call = ALLOC_FREE } },
	{ "vfree", FAMILY_LIBC, { .call = ALLOC_FREE } },
	{ "reallocf", FAMILY_LIBC | FAMILY_MI, { .call = ALLOC_REALLOC } },
	{ "free_sized", FAMILY_LIBC | FAMILY_TC, { .call = ALLOC_FREE } },
	{ "free_aligned_sized", FAMILY_LIBC | FAMILY_TC, { .call = ALLOC_FREE } },
	{ "__libc_malloc", FAMILY_LIBC, { .call = ALLOC_SIZE0 } },
	{ "__libc_calloc", FAMILY_LIBC, { .call = ALLOC_CALLOC } },
	{ "__libc_realloc", FAMILY_LIBC, { .call = ALLOC_REALLOC } },
	{ "__libc_reallocarray", FAMILY_LIBC, { .call = ALLOC_REALLOCARRAY } },
	{ "__libc_free", FAMILY_LIBC, { .call = ALLOC_FREE } },
	{ "__libc_cfree", FAMILY_LIBC, { .call = ALLOC_FREE } },
	{ "__libc_memalign",
	  FAMILY_LIBC,
	  { .call = ALLOC_SIZE1, .aligned = true, .alignment = true } },
	{ "__posix_memalign",
	  FAMILY_LIBC,
	  { .call = ALLOC_POSIX_MEMALIGN, .aligned = true, .alignment = true } },
	{ "__libc_valloc", FAMILY_LIBC, { .call = ALLOC_SIZE0, .aligned = true } },
	{ "__libc_pvalloc", FAMILY_LIBC, { .call = ALLOC_SIZE0, .aligned = true, .rounds = true } },
	{ MALLOCX, FAMILY_JEMALLOC, { .call = ALLOC_SIZE0, .aligned = true } },
	{ "rallocx", FAMILY_JEMALLOC, { .call = ALLOC_REALLOC, .aligned = true } },
	{ "dallocx", FAMILY_JEMALLOC, { .call = ALLOC_FREE } },
	{ "sdallocx", FAMILY_JEMALLOC, { .call = ALLOC_FREE } },
	{ "malloc_skip_new_handler", FAMILY_TC, { .call = ALLOC_SIZE0 } },
	{ "zalloc", FAMILY_MI, { .call = ALLOC_SIZE0 } },
	{ "malloc_small", FAMILY_MI, { .call = ALLOC_SIZE0 } },
	{ "zalloc_small", FAMILY_MI, { .call = ALLOC_SIZE0 } },
	{ "mallocn", FAMILY_MI, { .call = ALLOC_CALLOC } },
	{ "rezalloc", FAMILY_MI, { .call = ALLOC_REALLOC } },
	{ "reallocn", FAMILY_MI, { .call = ALLOC_REALLOCARRAY } },
	{ "recalloc", FAMILY_MI, { .call = ALLOC_REALLOCARRAY } },
	{ "malloc_aligned", FAMILY_MI, { .call = ALLOC_SIZE0, .aligned = true } },
	{ "zalloc_aligned", FAMILY_MI, { .call = ALLOC_SIZE0, .aligned = true } },
	{ "calloc_aligned", FAMILY_MI, { .call = ALLOC_CALLOC, .aligned = true } },
	{ "realloc_aligned", FAMILY_MI, { .call = ALLOC_REALLOC, .aligned = true } },
	{ "rezalloc_aligned", FAMILY_MI, { .call = ALLOC_REALLOC, .aligned = true } },
	{ "heap_malloc", FAMILY_MI, { .call = ALLOC_SIZE1 } },
	{ "heap_zalloc", FAMILY_MI, { .call = ALLOC_SIZE1 } },
	{ "heap_malloc_small", FAMILY_MI, { .call = ALLOC_SIZE1 } },
	{ "heap_malloc_aligned", FAMILY_MI, { .call = ALLOC_SIZE1, .aligned = true } },
	{ "heap_zalloc_aligned", FAMILY_MI, { .call = ALLOC_SIZE1, .aligned = true } },
	{ "new", FAMILY_MI, { .call = ALLOC_SIZE0, .throws = true } },
	{ "new_nothrow", FAMILY_MI, { .call = ALLOC_SIZE0, .throws = true } },
	{ "new_aligned", FAMILY_MI, { .call = ALLOC_SIZE0, .throws = true, .aligned = true } },
	{ "new_aligned_nothrow",
	  FAMILY_MI,
	  { .call = ALLOC_SIZE0, .throws = true, .aligned = true } },
	{ "free_size", FAMILY_MI, { .call = ALLOC_FREE } },
	{ "free_size_aligned", FAMILY_MI, { .call = ALLOC_FREE } },
	{ "free_aligned", FAMILY_MI, { .call = ALLOC_FREE } },
};

static bool prefix_add(struct alloc_prefixes *p, const char *prefix, size_t len)
{
	for (size_t i = 0; i < p->len; i++) {
		if (p->lens[i] == len && memcmp(p->items[i], prefix, len) == 0)
			return false;
	}
	if (p->len == ALLOC_PREFIXES_MAX)
		return false;
	p->items[p->len] = prefix;
	p->lens[p->len++] = len;
	return true;
}

void alloc_prefixes_init(struct alloc_prefixes *p)
{
	*p = (struct alloc_prefixes){ 0 };
	prefix_add(p, "", 0);
	prefix_add(p, "tc_", 3);
	prefix_add(p, "mi_", 3);
}

/* Without the version that the linker writes into .symtab. */
static size_t name_len(const char *name)
{
	return strcspn(name, "@");
}

void alloc_prefixes_learn(struct alloc_prefixes *p, const char *name)
{
	size_t len = name_len(name), base = sizeof(MALLOCX) - 1;

	if (len >= base && memcmp(name + len - base, MALLOCX, base) == 0)
		prefix_add(p, name, len - base);
}

size_t alloc_prefixes_find(const struct alloc_prefixes *p, const char *prefix)
{
	size_t i = 0;

	while (i < p->len &&
	       (p->lens[i] != strlen(prefix) || memcmp(p->items[i], prefix, p->lens[i]) != 0))
		i++;
	return i;
}

static bool prefix_allows(const struct alloc_prefixes *p, size_t prefix, unsigned families)
{
	if (families == FAMILY_ANY)
		return true;
	if (p->lens[prefix] == 0)
		return families & (FAMILY_LIBC | FAMILY_JEMALLOC);
	if (p->lens[prefix] == 3 && memcmp(p->items[prefix], "tc_", 3) == 0)
		return families & FAMILY_TC;
	if (p->lens[prefix] == 3 && memcmp(p->items[prefix], "mi_", 3) == 0)
		return families & FAMILY_MI;
	return families & FAMILY_JEMALLOC;
}

/* Takes a word off the front of *text. */
static bool take(const char **text, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*text, word, len) != 0)
		return false;
	*text += len;
	return true;
}

/*
 * The replaceable operators of C++17 (new.delete), as the Itanium ABI mangles them for a size_t of
 * 64 bits, and tcmalloc's, which take a __hot_cold_t besides. Placement new is another function.
 */
static bool operator_parse(const struct alloc_prefixes *p, const char *name, struct alloc_name *ret)
{
	const char *rest = name;
	bool is_new = take(&rest, "_Znwm") || take(&rest, "_Znam");

	if (!is_new && !take(&rest, "_ZdlPv") && !take(&rest, "_ZdaPv"))
		return false;
	if (!is_new)
		take(&rest, "m");
	bool aligned = take(&rest, "St11align_val_t");
	bool nothrow = take(&rest, "RKSt9nothrow_t");
	bool hot = take(&rest, "12__hot_cold_t");
	if (*rest != '\0' && *rest != '@')
		return false;
	*ret = (struct alloc_name){
		.call = is_new ? ALLOC_SIZE0 : ALLOC_FREE,
		.prefix = alloc_prefixes_find(p, ""),
		.rank = ARRAY_SIZE(rows) * ALLOC_PREFIXES_MAX + aligned + 2 * nothrow + 4 * hot,
		.throws = is_new,
		.aligned = is_new && aligned,
		.cxx = true,
	};
	return true;
}

bool alloc_name_parse(const struct alloc_prefixes *p, const char *name, struct alloc_name *ret)
{
	if (name[0] == '_' && name[1] == 'Z')
		return operator_parse(p, name, ret);
	size_t len = name_len(name);
	for (size_t prefix = 0; prefix < p->len; prefix++) {
		size_t skip = p->lens[prefix];
		if (len <= skip || memcmp(name, p->items[prefix], skip) != 0)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			const char *base = rows[i].base;
			if (base[0] != name[skip] || strlen(base) != len - skip ||
			    memcmp(base, name + skip, len - skip) != 0 ||
			    !prefix_allows(p, prefix, rows[i].families))
				continue;
			*ret = rows[i].name;
			ret->prefix = prefix;
			ret->rank = (unsigned)(i * ALLOC_PREFIXES_MAX + prefix);
			return true;
		}
	}
	return false;
}

enum call_role call_role_parse(const char *name)
{
	static const struct {
		const char *name;
		enum call_role role;
	} known[] = {
		{ "__errno_location", CALL_HARMLESS },
		{ "__tls_get_addr", CALL_HARMLESS },
		{ "getpagesize", CALL_HARMLESS },
		{ "sysconf", CALL_HARMLESS },
		{ "memset", CALL_HARMLESS },
		{ "abort", CALL_ENDS },
		{ "exit", CALL_ENDS },
		{ "_exit", CALL_ENDS },
		{ "__assert_fail", CALL_ENDS },
		{ "__stack_chk_fail", CALL_ENDS },
		{ "__libc_fatal", CALL_ENDS },
		{ "_ZSt9terminatev", CALL_ENDS },
		{ "__cxa_throw", CALL_THROWS },
		{ "__cxa_rethrow", CALL_THROWS },
		{ "__cxa_throw_bad_array_new_length", CALL_THROWS },
		{ "_Unwind_RaiseException", CALL_THROWS },
		{ "_Unwind_Resume", CALL_THROWS },
		{ "_Unwind_Resume_or_Rethrow", CALL_THROWS },
		{ "_Unwind_ForcedUnwind", CALL_THROWS },
	};
	size_t len = name_len(name);

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strlen(known[i].name) == len && memcmp(known[i].name, name, len) == 0)
			return known[i].role;
	}
	/* std::__throw_bad_alloc() and its like, of libstdc++ and libc++ alike */
	return name[0] == '_' && name[1] == 'Z' && strstr(name, "__throw_") ? CALL_THROWS
									    : CALL_OTHER;
}
