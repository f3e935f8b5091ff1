// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "report/simple_name.h"

/* What google/pprof says, by its demangler of 2025-04; see the golden cases of mangled.pb.gz too.
 */
static const struct {
	const char *mangled, *expected; /* NULL: stands for itself */
} cases[] = {
	/* C++ */
	{ "_Z3fooi", "foo" },
	{ "_ZN12_GLOBAL__N_11Q3runEv", "(anonymous namespace)::Q::run" },
	{ "_ZNSt6vectorIiSaIiEE9push_backEOi", "std::vector::push_back" },
	{ "_ZNKSt6vectorIS_IiSaIiEESaIS1_EEixEm", "std::vector::operator[]" },
	{ "_ZltRKN1A1BIiEES3_", "operator<" },
	{ "_ZN1AltIiEEbT_", "A::operator<" },
	{ "_ZN1AcvSt6vectorIiSaIiEEEv", "A::operator std::vector" },
	{ "_ZSt4sortIPiEvT_S1_", "std::sort" },
	{ "_ZNSsC1ERKSs", "std::basic_string::basic_string" },
	{ "_ZNSoD0Ev", "std::basic_ostream::~basic_ostream" },
	{ "_ZNSs6appendERKSs", "std::string::append" },
	{ "_ZN1BIiEC2Ev", "B::B" },
	{ "_ZN1BIiECI11AEi", "B::B" },
	{ "_ZN1CUt_D1Ev", "C::{unnamed type#1}::~{unnamed type#1}" },
	{ "_ZN3fooB5cxx11Ev", "foo[abi:cxx11]" },
	{ "_ZTW1x", "TLS wrapper function for x" },
	{ "_ZThn16_N1B3runEv", "non-virtual thunk to B::run()" },
	/* the functions around a name */
	{ "_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()" },
	{ "_ZZN1A3runEiENKUlPKcE_clES1_", "A::run()::{lambda(char const*)#1}::operator()" },
	{ "_ZZNK1A3runIiEEvT_ENKUlT_E_clEi", "A::run() const::{lambda(auto:1)#1}::operator()" },
	{ "_ZZN1S1fEiiEd0_NKUlvE_clEv", "S::f()::{default arg#2}::{lambda()#1}::operator()" },
	/* parts and clones; one underscore more on macOS */
	{ "_Z3fooi.constprop.0", "foo" },
	{ "_Z3fooi.part.0.cold", "foo" },
	{ "_GLOBAL__I__Z2fnv", "global constructors keyed to fn()" },
	{ "_GLOBAL__D_a", "global destructors keyed to _D_a" },
	/* Rust, legacy and v0 */
	{ "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad" },
	{ "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE.llvm.99", "core::fmt::Formatter::pad" },
	{ "_RNvCs1234_7mycrate3foo", "mycrate::foo" },
	{ "_RINvNtC3std3mem8align_ofjdE", "std::mem::align_of::<>" },
	{ "_RNvYFG_RL0_hEuNtC5krate5Trait1f", "<for<'a> fn(&'a u8) as krate::Trait>::f" },
	{ "_RINvC5krate1fFG_RL0_hEuE", "krate::f::<>" },
	{ "_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator"
	  "9rpositionNCNgNpB9_6memchr7memrchrs_0E0Bb_",
	  "<core::slice::Iter<> as core::iter::iterator::Iterator>::rposition::<>::{closure#0}" },
	/* neither */
	{ "main", NULL },
	{ "", NULL },
	{ "_", NULL },
	{ "_Z", NULL },
	{ "_R", NULL },
	{ "_Zfoo", NULL },
	{ "_GLOBAL_", NULL },
	{ "_GLOBAL__I_", NULL },
	{ "_GLOBAL__sub_I_main.cc", NULL },
	{ "_ZN3foo", NULL },
	{ "_Z1\1v", NULL },
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *name = simple_name(cases[i].mangled);
		const char *expected = cases[i].expected;
		if (expected ? !name || strcmp(name, expected) != 0 : name != NULL)
			fail_msg("'%s' is '%s', not '%s'", cases[i].mangled, name ? name : "(null)",
				 expected ? expected : "(null)");
	}
}

/* f<P<P<A, A>, P<A, A>>> and so on: what is printed doubles at each level, the name does not. */
static char *doubled_name(int levels)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };

	buf_printf(&b, "_Z1fI1PI");
	for (int i = 1; i < levels; i++)
		buf_printf(&b, "S0_I");
	buf_printf(&b, "1AS1_E");
	for (int i = 2; i <= levels; i++)
		buf_printf(&b, "S%c_E", i < 10 ? '0' + i : 'A' + i - 10);
	buf_printf(&b, "Evv");
	return simple_name(b.data);
}

static void test_doubled(void **state)
{
	_cleanup_free_ char *large = doubled_name(16), *too_large = doubled_name(18);

	(void)state;
	assert_string_equal(large, "f");
	assert_null(too_large);
}

/* Many templates and references. */
static void test_hostile(void **state)
{
	_cleanup_(buf_deinit) struct buf many = { 0 };

	(void)state;
	buf_printf(&many, "_Z1fI");
	for (int i = 0; i < 4000; i++)
		buf_printf(&many, "1aIiE");
	buf_printf(&many, "Ev");
	for (int i = 0; i < 4000; i++)
		buf_printf(&many, "RT_");
	_cleanup_free_ char *name = simple_name(many.data);
	assert_null(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_doubled),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
