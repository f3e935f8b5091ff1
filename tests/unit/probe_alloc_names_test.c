// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/alloc_names.h"

#define NO_CALL ((enum alloc_call) - 1) /* the name says nothing */

static const struct {
	const char *name;
	enum alloc_call call;
	const char *prefix;
	bool throws, aligned;
} names[] = {
	{ "malloc", ALLOC_SIZE0, "", false, false },
	{ "malloc@@GLIBC_2.2.5", ALLOC_SIZE0, "", false, false },
	{ "cfree@GLIBC_2.2.5", ALLOC_FREE, "", false, false },
	{ "calloc", ALLOC_CALLOC, "", false, false },
	{ "__libc_memalign", ALLOC_SIZE1, "", false, true },
	{ "posix_memalign", ALLOC_POSIX_MEMALIGN, "", false, true },
	{ "pvalloc", ALLOC_SIZE0, "", false, true },
	{ "reallocarray", ALLOC_REALLOCARRAY, "", false, false },
	{ "mallocx", ALLOC_SIZE0, "", false, true },
	{ "sdallocx", ALLOC_FREE, "", false, false },
	{ "tc_realloc", ALLOC_REALLOC, "tc_", false, false },
	{ "mi_heap_malloc", ALLOC_SIZE1, "mi_", false, false },
	{ "mi_new_nothrow", ALLOC_SIZE0, "mi_", true, false },
	{ "_rjem_rallocx", ALLOC_REALLOC, "_rjem_", false, true },
	{ "_Znwm", ALLOC_SIZE0, "", true, false },
	{ "_Znam", ALLOC_SIZE0, "", true, false },
	{ "_ZnwmRKSt9nothrow_t", ALLOC_SIZE0, "", true, false },
	{ "_ZnamSt11align_val_tRKSt9nothrow_t", ALLOC_SIZE0, "", true, true },
	{ "_Znwm12__hot_cold_t", ALLOC_SIZE0, "", true, false },
	{ "_ZdlPv", ALLOC_FREE, "", false, false },
	{ "_ZdaPvmSt11align_val_t", ALLOC_FREE, "", false, false },
	{ "_ZdlPvSt11align_val_tRKSt9nothrow_t", ALLOC_FREE, "", false, false },
	{ "_ZdlPvm@@GLIBCXX_3.4", ALLOC_FREE, "", false, false },

	{ "", NO_CALL, "", false, false },
	{ "mallo", NO_CALL, "", false, false },
	{ "malloc_usable_size", NO_CALL, "", false, false },
	{ "xmalloc", NO_CALL, "", false, false },
	{ "mi_", NO_CALL, "", false, false },
	{ "new", NO_CALL, "", false, false },        /* mimalloc's alone */
	{ "tc_mallocx", NO_CALL, "", false, false }, /* jemalloc's alone */
	{ "_rjem_zalloc", NO_CALL, "", false, false },
	{ "_ZnwmPv", NO_CALL, "", false, false }, /* placement */
	{ "_Znwj", NO_CALL, "", false, false },   /* 32 bits */
	{ "_ZN3foo6mallocEm", NO_CALL, "", false, false },
};

static void test_names(void **state)
{
	(void)state;
	struct alloc_prefixes prefixes;

	alloc_prefixes_init(&prefixes);
	alloc_prefixes_learn(&prefixes, "_rjem_mallocx");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct alloc_name what;
		bool known = alloc_name_parse(&prefixes, names[i].name, &what);

		if (known != (names[i].call != NO_CALL))
			fail_msg("'%s': %s", names[i].name, known ? "known" : "not known");
		if (known && (what.call != names[i].call ||
			      what.prefix != alloc_prefixes_find(&prefixes, names[i].prefix) ||
			      what.throws != names[i].throws || what.aligned != names[i].aligned))
			fail_msg("'%s': misread", names[i].name);
	}
}

/* The best name of an address is C's own. */
static void test_ranks(void **state)
{
	(void)state;
	static const char *const order[] = { "free",
					     "mi_free",
					     "cfree",
					     "dallocx",
					     "_ZdlPv",
					     "_ZdlPvSt11align_val_t",
					     "_ZdlPvRKSt9nothrow_t" };
	struct alloc_prefixes prefixes;
	struct alloc_name last = { 0 }, what;

	alloc_prefixes_init(&prefixes);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		assert_true(alloc_name_parse(&prefixes, order[i], &what));
		assert_true(i == 0 || what.rank > last.rank);
		last = what;
	}
}

static void test_prefixes_are_learned_once_and_bounded(void **state)
{
	(void)state;
	static const char *const more[] = { "a_mallocx", "b_mallocx", "c_mallocx",
					    "d_mallocx", "e_mallocx", "f_mallocx" };
	struct alloc_prefixes prefixes;

	alloc_prefixes_init(&prefixes);
	size_t known = prefixes.len;
	alloc_prefixes_learn(&prefixes, "mallocx");
	alloc_prefixes_learn(&prefixes, "mallocx_not");
	alloc_prefixes_learn(&prefixes, "alloc");
	assert_int_equal(prefixes.len, known);
	alloc_prefixes_learn(&prefixes, "je_mallocx@@V1");
	alloc_prefixes_learn(&prefixes, "je_mallocx");
	assert_int_equal(prefixes.len, known + 1);
	assert_int_equal(alloc_prefixes_find(&prefixes, "je_"), known);
	assert_int_equal(alloc_prefixes_find(&prefixes, "je"), prefixes.len);
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		alloc_prefixes_learn(&prefixes, more[i]);
	assert_int_equal(prefixes.len, ALLOC_PREFIXES_MAX);
}

static void test_roles(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum call_role role;
	} roles[] = {
		{ "__cxa_throw", CALL_THROWS },
		{ "__cxa_throw@CXXABI_1.3", CALL_THROWS },
		{ "_Unwind_Resume@@GCC_3.0", CALL_THROWS },
		{ "_ZSt17__throw_bad_allocv", CALL_THROWS },
		{ "_ZNSt3__117__throw_bad_allocEv", CALL_THROWS },
		{ "__cxa_begin_catch", CALL_OTHER },
		{ "abort", CALL_ENDS },
		{ "__errno_location", CALL_HARMLESS },
		{ "mmap", CALL_OTHER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (call_role_parse(roles[i].name) != roles[i].role)
			fail_msg("%s", roles[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_prefixes_are_learned_once_and_bounded),
		cmocka_unit_test(test_roles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
