// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "gate/escape.h"
#include "gate/format.h"
#include "gate/words.h"

#define BAD "\xef\xbf\xbd"

static const struct {
	enum escape how;
	const char *text;
	size_t most;
	const char *expected;
} texts[] = {
	/* The first and the last of each length of UTF-8, and what is one beyond. */
	{ ESCAPE_JSON, "\x7f\xc2\x80\xdf\xbf", 0, "\x7f\xc2\x80\xdf\xbf" },
	{ ESCAPE_JSON, "\xe0\xa0\x80\xef\xbf\xbf", 0, "\xe0\xa0\x80\xef\xbf\xbf" },
	{ ESCAPE_JSON, "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 0, "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
	{ ESCAPE_JSON, "\xc1\xbf", 0, BAD BAD },
	{ ESCAPE_JSON, "\xe0\x9f\xbf", 0, BAD BAD BAD },
	{ ESCAPE_JSON, "\xf0\x8f\xbf\xbf", 0, BAD BAD BAD BAD },
	{ ESCAPE_JSON, "\xf4\x90\x80\x80", 0, BAD BAD BAD BAD },
	{ ESCAPE_JSON, "\xf7\xbf\xbf\xbf\xf8", 0, BAD BAD BAD BAD BAD },
	/* Surrogates. */
	{ ESCAPE_JSON, "\xed\x9f\xbf\xed\xa0\x80", 0, "\xed\x9f\xbf" BAD BAD BAD },
	{ ESCAPE_JSON, "\xed\xbf\xbf\xee\x80\x80", 0, BAD BAD BAD "\xee\x80\x80" },
	/* Cut short, and interrupted. */
	{ ESCAPE_JSON, "\xe2\x82", 0, BAD BAD },
	{ ESCAPE_JSON, "\xe2\x82x\x80y", 0, BAD BAD "x" BAD "y" },
	{ ESCAPE_JSON, "a\tb\"\n", 0, "a\tb\"\n" },
	/* Control characters, and those that turn a line round. */
	{ ESCAPE_TERMINAL, "a\tb\033c\x7f\xc2\x9f\xc2\xa0", 0,
	  "a" BAD "b" BAD "c" BAD BAD "\xc2\xa0" },
	{ ESCAPE_TERMINAL, "\xe2\x80\xaa\xe2\x81\xa6\xd8\x9c\xef\xbb\xbf", 0, BAD BAD BAD BAD },
	{ ESCAPE_TERMINAL, "<a>&|%", 0, "<a>&|%" },
	{ ESCAPE_XML, "<a b=\"c\">&'", 0, "&lt;a b=&quot;c&quot;&gt;&amp;'" },
	{ ESCAPE_XML, "\xef\xbf\xbe", 0, BAD },
	{ ESCAPE_MARKDOWN, "a_b*c`|\\[x](y)<z>&~$", 0,
	  "a\\_b\\*c\\`\\|\\\\\\[x\\](y)\\<z\\>\\&\\~\\$" },
	{ ESCAPE_MARKDOWN, "@a #1", 0,
	  "@\xe2\x80\x8b"
	  "a #\xe2\x80\x8b"
	  "1" },
	{ ESCAPE_CODE, "a|b\\|`c`", 0, "a\\|b\\\\|`c`" },
	{ ESCAPE_COMMAND, "100%: a,b\n", 0, "100%25: a,b" BAD },
	{ ESCAPE_PROPERTY, "100%: a,b", 0, "100%25%3A a%2Cb" },
	/* Cut by characters, escapes and all. */
	{ ESCAPE_TERMINAL, "abcdef", 6, "abcdef" },
	{ ESCAPE_TERMINAL, "abcdefg", 6, "abc..." },
	{ ESCAPE_XML, "<<<<<<", 5, "&lt;&lt;..." },
	{ ESCAPE_TERMINAL, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 4,
	  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac" },
	{ ESCAPE_TERMINAL, "", 3, NULL },
};

static void test_escapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(buf_deinit) struct buf b = { 0 };
		assert_int_equal(escape_add(&b, texts[i].how, texts[i].text, texts[i].most), 0);
		if (!texts[i].expected)
			assert_int_equal(b.len, 0);
		else if (strcmp(b.data, texts[i].expected) != 0)
			fail_msg("case %zu: '%s', not '%s'", i, b.data, texts[i].expected);
	}
}

static void test_machines(void **state)
{
	(void)state;
	static const struct {
		struct gate_machine base, new;
		const char *expected;
	} machines[] = {
		{ { "A", "L 6.1", "h", 2 },
		  { "A", "L 6.1", "h", 2 },
		  "machine: 2 CPUs, A, L 6.1, host h" },
		{ { "A", "L 6.1", "h", 1 },
		  { "A", "L 6.1", "i", 1 },
		  "base machine: 1 CPU, A, L 6.1, host h; new machine: 1 CPU, A, L 6.1, host i" },
		{ { "A", "", "", 0 }, { "B", "", "", 0 }, "base machine: A; new machine: B" },
		{ { "", "K", "", 0 }, { "", "L", "", 0 }, "base machine: K; new machine: L" },
		{ { "", "", "", 2 },
		  { "", "", "", 4 },
		  "base machine: 2 CPUs; new machine: 4 CPUs" },
		{ { "", "", "", 0 }, { "A", "", "h", 0 }, "new machine: A, host h" },
		{ { "", "", "h", 0 }, { "", "", "", 0 }, "base machine: host h" },
		{ { "", "", "", 0 }, { "", "", "", 0 }, "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		_cleanup_(buf_deinit) struct buf b = { 0 };
		struct gate_verdict v = { .machines = { machines[i].base, machines[i].new } };
		assert_int_equal(words_machines(&b, &v), 0);
		assert_string_equal(b.data ? b.data : "", machines[i].expected);
	}
}

/* What does not vary hides nothing; what is not known is not told. */
static void test_visible(void **state)
{
	(void)state;
	static const struct {
		double visible;
		const char *end;
	} visibles[] = {
		{ NAN, "0 of 0 functions changed" },
		{ 0, "; any rise of the total would be seen" },
		{ 0.0123, "; a rise of the total by 1.23% would be seen (power 90%)" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(visibles); i++) {
		_cleanup_(buf_deinit) struct buf b = { 0 };
		struct gate_metric m = { .visible = visibles[i].visible };
		size_t len = strlen(visibles[i].end);
		assert_int_equal(words_runs(&b, &m), 0);
		assert_true(b.len > len);
		assert_string_equal(b.data + b.len - len, visibles[i].end);
	}
}

/* What is on one side only, or nearly so, with brief names. */
static void test_folded(void **state)
{
	(void)state;
	static const struct {
		struct gate_folded folded;
		const char *text;
	} cases[] = {
		{ { "lex<int>(S)", 0, 2e9, "parse(S)" },
		  "only in the new runs: lex (2s), counted as parse's" },
		{ { "lex", 2e9, 0, NULL }, "only in the base runs: lex (2s)" },
		{ { "lex", 1e6, 2e9, "parse" },
		  "nearly only in the new runs: lex (2s), counted as parse's" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_deinit) struct buf b = { 0 };
		struct gate_metric m = { .unit = "nanoseconds" };
		assert_int_equal(words_folded(&b, &m, &cases[i].folded), 0);
		assert_string_equal(b.data, cases[i].text);
	}
}

static void test_numbers(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *unit, *expected;
	} values[] = {
		{ 0, "nanoseconds", "0" },
		{ 0.25, "bytes", "0.25B" },
		{ 999, "nanoseconds", "999ns" },
		{ 1000, "nanoseconds", "1us" },
		{ 2.09e9, "nanoseconds", "2.09s" },
		{ 1e300, "count", "9223372036854775808" },
		{ 1536, "bytes", "1.50kB" },
		{ 0.945, "seconds", "945ms" },
		{ 2, "seconds", "2s" },
	};
	static const struct {
		double ratio;
		const char *expected;
	} ratios[] = { { 1, "0%" },          { 1.00004, "0%" }, { 1.0001, "+0.01%" },
		       { 0.9955, "-0.45%" }, { 1.05, "+5.0%" }, { 2.5, "+150%" },
		       { 10, "x10.0" },      { 250, "x250" },   { 0, "-100%" },
		       { INFINITY, "new" },  { NAN, "?" } };
	char text[FORMAT_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		format_value(text, values[i].value, values[i].unit);
		assert_string_equal(text, values[i].expected);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ratios); i++) {
		format_ratio(text, ratios[i].ratio);
		assert_string_equal(text, ratios[i].expected);
	}
	format_interval(text, 0.98, INFINITY);
	assert_string_equal(text, "[-2.0%, inf]");
	format_interval(text, NAN, 1);
	assert_string_equal(text, "");
	format_p(text, 0.00015542);
	assert_string_equal(text, "0.00016");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes), cmocka_unit_test(test_machines),
		cmocka_unit_test(test_visible), cmocka_unit_test(test_folded),
		cmocka_unit_test(test_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
