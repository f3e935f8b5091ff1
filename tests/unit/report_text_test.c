// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "profile/build.h"
#include "profile/unit.h"
#include "report/path.h"
#include "report/report.h"

static const struct {
	int64_t value;
	const char *from, *to, *label;
} labels[] = {
	{ 0, "nanoseconds", "auto", "0" },
	{ 1, "nanoseconds", "auto", "1ns" },
	{ 1500, "nanoseconds", "auto", "1.50us" },
	{ -1500, "nanoseconds", "auto", "-1.50us" },
	{ 30000000000, "nanoseconds", "auto", "30s" },
	{ 7200000000000, "ns", "auto", "2hrs" },
	{ 1000000000, "nanoseconds", "ms", "1000ms" },
	{ 1000000000, "nanoseconds", "bytes", "1s" },
	{ 1536, "bytes", "auto", "1.50kB" },
	{ 1023, "byte", "minimum", "1023B" },
	{ 1LL << 50, "bytes", "auto", "1PB" },
	{ 3, "kilobytes", "MB", "0" },
	{ 5, "count", "auto", "5" },
	{ 5, "count", "count", "5" },
	{ 300, "kilobytes", "MB", "0.29MB" },
	{ 5, "apples", "pears", "5pears" },
	{ 5, "μs", "ns", "5000ns" },
	{ INT64_MIN, "count", "auto", "-9223372036854775808" },
	{ INT64_MIN, "nanoseconds", "s", "-9223372036.85s" },
	{ 1, "MiB", "auto", "1" },
	{ 4000, "nanogcu", "auto", "4u*GCU" },
};

static void test_unit_labels(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		char text[UNIT_LABEL_MAX];
		unit_label(text, labels[i].value, labels[i].from, labels[i].to);
		assert_string_equal(text, labels[i].label);
	}
}

static const struct {
	int64_t value, total;
	const char *text;
} percentages[] = {
	{ 1, 2, "50.00%" },        { 0, 0, "    0%" },           { 0, 7, "    0%" },
	{ 1, 1, "  100%" },        { 99951, 100000, "  100%" },  { 99949, 100000, "99.95%" },
	{ 3, 1, "300.00%" },       { 5, 1000, "  0.5%" },        { 1, 100000, "0.001%" },
	{ -1, 2, "50.00%" },       { 1, 10000000, "1e-05%" },    { 99, 10000, " 0.99%" },
	{ 999, 100000, "    1%" }, { 1, INT64_MAX, "1.1e-17%" },
};

static void test_unit_percentages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(percentages); i++) {
		char text[UNIT_LABEL_MAX];
		unit_percentage(text, percentages[i].value, percentages[i].total);
		assert_string_equal(text, percentages[i].text);
	}
}

static const struct {
	const char *path, *clean, *base;
} paths[] = {
	{ "", ".", "." },
	{ "/", "/", "/" },
	{ "//", "/", "/" },
	{ "a/b.c", "a/b.c", "b.c" },
	{ "./a//b/../c/", "a/c", "c" },
	{ "../../a", "../../a", "a" },
	{ "/../a", "/a", "a" },
	{ "a/../..", "..", ".." },
	{ "[vdso]", "[vdso]", "[vdso]" },
	{ "a/..", ".", ".." },
};

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_free_ char *clean = path_clean(paths[i].path);
		_cleanup_free_ char *base = path_base(paths[i].path);
		assert_string_equal(clean, paths[i].clean);
		assert_string_equal(base, paths[i].base);
	}
}

static const struct {
	const char *path, *trim, *search, *rest;
} trims[] = {
	{ "/src/a.c", NULL, NULL, "/src/a.c" },
	{ "/proc/self/cwd/a.c", NULL, NULL, "a.c" },
	{ "/proc/self/cwd/./a.c", NULL, NULL, "a.c" },
	{ "/src/a.c", "/src", NULL, "a.c" },
	{ "/srca.c", "/src", NULL, "/srca.c" },
	{ "/b/a.c", "/src:/b/", NULL, "a.c" },
	{ "/far/project/x/a.c", NULL, "/home/me/project", "x/a.c" },
	{ "/far/project/x/a.c", "/y", "/home/me/project", "/far/project/x/a.c" },
};

static void test_path_trim(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(trims); i++)
		assert_string_equal(path_trim(trims[i].path, trims[i].trim, trims[i].search),
				    trims[i].rest);
}

/* main -> work (30) and main -> rest (1): one location a function. */
static struct profile *work_profile(void)
{
	struct profile *p = profile_create();
	profile_add_sample_type(p, "samples", "count");
	profile_add_sample_type(p, "cpu", "nanoseconds");
	static const char *const names[] = { "main", "work", "rest" };
	for (uint32_t i = 0; i < 3; i++) {
		struct profile_function f = { .name = profile_intern_cstr(p, names[i]),
					      .system_name = profile_intern_cstr(p, "s") };
		struct profile_line line = { .function = profile_add_function(p, &f) };
		profile_location_set_lines(p, profile_add_location(p, PROFILE_NONE, i + 1), &line,
					   1);
	}
	const uint32_t work[] = { 1, 0 }, rest[] = { 2, 0 };
	profile_add_sample(p, work, 2, (int64_t[]){ 30, 300000000 }, NULL, 0);
	profile_add_sample(p, rest, 2, (int64_t[]){ 1, 10000000 }, NULL, 0);
	return p;
}

static char *text_of(struct report_options o)
{
	_cleanup_profile_ struct profile *p = work_profile();
	struct report r;
	struct err e = { 0 };
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (report_init(&r, p, &o, REPORT_TEXT, NULL, &e) < 0 || report_print_text(&r, out, &e) < 0)
		fail_msg("%s", e.msg);
	fclose(out);
	report_deinit(&r);
	return text;
}

static void test_text(void **state)
{
	(void)state;
	struct report_options o = REPORT_OPTIONS_DEFAULT;
	_cleanup_free_ char *flat = text_of(o);
	assert_string_equal(flat, "Type: cpu\n"
				  "Showing nodes accounting for 310ms, 100% of 310ms total\n"
				  "      flat  flat%   sum%        cum   cum%\n"
				  "     300ms 96.77% 96.77%      300ms 96.77%  work\n"
				  "      10ms  3.23%   100%       10ms  3.23%  rest\n"
				  "         0     0%   100%      310ms   100%  main\n");
	o.cum_sort = true;
	o.sample_index = "samples";
	o.node_count = 2;
	_cleanup_free_ char *cum = text_of(o);
	assert_string_equal(cum, "Type: samples\n"
				 "Showing nodes accounting for 30, 96.77% of 31 total\n"
				 "Showing top 2 nodes out of 3\n"
				 "      flat  flat%   sum%        cum   cum%\n"
				 "         0     0%     0%         31   100%  main\n"
				 "        30 96.77% 96.77%         30 96.77%  work\n");
}

static void test_bad_options(void **state)
{
	(void)state;
	static const struct {
		const char *index;
		double divide_by;
		const char *error;
	} cases[] = {
		{ "2", 1, "sample_index 2 is outside the range [0..1]" },
		{ "heap", 1, "sample_index \"heap\" must be one of: [samples cpu]" },
		{ NULL, 0, "zero divisor specified" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_profile_ struct profile *p = work_profile();
		struct report_options o = REPORT_OPTIONS_DEFAULT;
		struct report r;
		struct err e = { 0 };
		o.sample_index = cases[i].index;
		o.divide_by = cases[i].divide_by;
		assert_int_not_equal(report_init(&r, p, &o, REPORT_TEXT, NULL, &e), 0);
		assert_string_equal(e.msg, cases[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unit_labels), cmocka_unit_test(test_unit_percentages),
		cmocka_unit_test(test_paths),       cmocka_unit_test(test_path_trim),
		cmocka_unit_test(test_text),        cmocka_unit_test(test_bad_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
