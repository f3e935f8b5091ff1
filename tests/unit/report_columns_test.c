// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "report/columns.h"

/* What Go's text/tabwriter makes of it: NewWriter(w, 0, 0, 1, ' ', AlignRight). */
static const struct {
	const char *text, *expected;
} cases[] = {
	{ "", "" },
	{ "a\n", "a\n" },
	{ "key:\t rest\n \t1:\t x\n \t100:\t y\n\n", " key: rest\n        1: x\n      100: y\n\n" },
	/* a line without the column ends its block */
	{ "a\tb\tc\nlong\tb\nlonger still\n\tb\tc\n", "    a bc\n longb\nlonger still\n  bc\n" },
	{ "x\t\ty\nxx\tz\ty\n", "  x  y\n xx zy\n" },
	{ "größe\tx\nb\tx\n", " größex\n     bx\n" },
	{ "\xff\xfe\tx\nabc\tx\n", "  \xff\xfex\n abcx\n" },
};

static void test_columns(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_deinit) struct buf b = { 0 };
		assert_int_equal(columns_add(cases[i].text, strlen(cases[i].text), &b), 0);
		assert_string_equal(b.data ? b.data : "", cases[i].expected);
	}
}

/* More tabs than there may be columns: printed, and not deep. */
static void test_many_tabs(void **state)
{
	_cleanup_(buf_deinit) struct buf text = { 0 }, b = { 0 };

	(void)state;
	for (int i = 0; i < 1000000; i++)
		buf_add(&text, "\t", 1);
	buf_add(&text, "end\n", 4);
	assert_int_equal(columns_add(text.data, text.len, &b), 0);
	assert_true(b.len > 4 && strcmp(b.data + b.len - 4, "end\n") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_many_tabs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
