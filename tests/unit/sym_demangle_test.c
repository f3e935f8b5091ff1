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
#include "sym/demangle.h"

static const struct {
	const char *mangled, *expected; /* NULL: stands for itself */
} cases[] = {
	/* C++ */
	{ "_Z3fooi", "foo(int)" },
	{ "_ZN12_GLOBAL__N_11Q3runEv", "(anonymous namespace)::Q::run()" },
	{ "_ZN1AC4Ev", "A::A()" },
	{ "_ZSt4sortIPiEvT_S1_", "void std::sort<int*>(int*, int*)" },
	{ "_ZNSs6appendERKSs", "std::string::append(std::string const&)" },
	{ "_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const" },
	{ "_ZN1ScvbEv", "S::operator bool()" },
	{ "_ZTW1x", "TLS wrapper function for x" },
	/* parts and clones */
	{ "_Z3fooi.constprop.0", "foo(int) [clone .constprop.0]" },
	{ "_Z3fooi.part.0.cold", "foo(int) [clone .part.0] [clone .cold]" },
	{ "_Z3fooi.llvm.1234567890", "foo(int)" },
	/* Rust, legacy; the last path segment is a hash */
	{ "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad" },
	{ "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE.llvm.99", "core::fmt::Formatter::pad" },
	{ "_ZN3foo28_$u7b$$u7b$closure$u7d$$u7d$17h05af221e174051e9E", "foo::{{closure}}" },
	{ "_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$"
	  "3bar17h930b740aa94f1d3aE",
	  "<Test + 'static as foo::Bar<Test>>::bar" },
	/* Rust, v0 */
	{ "_RNvCs1234_7mycrate3foo", "mycrate::foo" },
	{ "_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_7mycrate",
	  "<std::path::PathBuf>::new" },
	{ "_RINvNtC3std3mem8align_ofjdE", "std::mem::align_of::<usize, f64>" },
	{ "_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator"
	  "9rpositionNCNgNpB9_6memchr7memrchrs_0E0Bb_",
	  "<core::slice::Iter<u8> as core::iter::iterator::Iterator>::rposition::<core::slice::"
	  "memchr::memrchr::{closure#1}>::{closure#0}" },
	/* neither */
	{ "main", NULL },
	{ "", NULL },
	{ "_", NULL },
	{ "_Z", NULL },
	{ "_R", NULL },
	{ "_Zfoo", NULL },
	{ "_Roo", NULL },
	{ "foo.constprop.0", NULL },
	{ "_ZN3foo", NULL },
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *name = demangle(cases[i].mangled, strlen(cases[i].mangled));
		if (cases[i].expected)
			assert_string_equal(name ? name : "(null)", cases[i].expected);
		else
			assert_null(name);
	}
}

static void test_only_the_given_length_counts(void **state)
{
	(void)state;
	_cleanup_free_ char *name = demangle("_Z3fooi@@VERS_1", strlen("_Z3fooi"));
	assert_string_equal(name, "foo(int)");
}

/* f(pair<int, int>, pair<P, P> of that, pair<P, P> of that, ...): each doubles the text. */
static void test_exponential_name_is_refused(void **state)
{
	(void)state;
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	struct buf name = { 0 };
	buf_printf(&name, "_Z1f4pairIiiE");
	for (int i = 0; i < 34; i++)
		buf_printf(&name, "S_IS%c_S%c_E", digits[i], digits[i]);
	assert_int_equal(name.error, 0);
	assert_null(demangle(name.data, name.len));
	buf_deinit(&name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_only_the_given_length_counts),
		cmocka_unit_test(test_exponential_name_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
