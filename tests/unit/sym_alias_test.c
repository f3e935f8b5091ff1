// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "sym/alias.h"

static const struct {
	const char *better, *worse;
} cases[] = {
	{ "malloc", "__libc_malloc" },         { "puts", "_IO_puts" },
	{ "__libc_malloc", "___libc_malloc" }, { "read", "readv" },
	{ "_ZN1AC1Ev", "_ZN1AC2Ev" }, /* a constructor's two entry points */
};

static void test_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(alias_compare(cases[i].better, cases[i].worse) < 0);
		assert_true(alias_compare(cases[i].worse, cases[i].better) > 0);
		assert_int_equal(alias_compare(cases[i].better, cases[i].better), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_order) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
