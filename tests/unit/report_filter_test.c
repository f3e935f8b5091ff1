// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
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
#include "profile/build.h"
#include "profile/value.h"
#include "report/filter.h"
#include "report/flame.h"
#include "report/regex.h"

/* main;work;leaf 10 {thread io, bytes 64}, main;work 5 {thread cpu}, main;noise;malloc(int) 2. */
static struct profile *example(void)
{
	static const char *const names[] = { "main", "work", "leaf", "noise", "malloc(int)" };
	struct profile *p = profile_create();
	profile_add_sample_type(p, "samples", "count");
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct profile_function f = { .name = profile_intern_cstr(p, names[i]),
					      .system_name = profile_intern_cstr(p, "mangled"),
					      .filename = profile_intern_cstr(p, "dir/a.c") };
		struct profile_line line = { .function = profile_add_function(p, &f) };
		profile_location_set_lines(p, profile_add_location(p, PROFILE_NONE, i), &line, 1);
	}
	struct profile_label labels[] = {
		{ .key = profile_intern_cstr(p, "thread"), .str = profile_intern_cstr(p, "io") },
		{ .key = profile_intern_cstr(p, "bytes"),
		  .num = 64,
		  .unit = profile_intern_cstr(p, "bytes") },
		{ .key = profile_intern_cstr(p, "thread"), .str = profile_intern_cstr(p, "cpu") },
	};
	profile_add_sample(p, (uint32_t[]){ 2, 1, 0 }, 3, (int64_t[]){ 10 }, labels, 2);
	profile_add_sample(p, (uint32_t[]){ 1, 0 }, 2, (int64_t[]){ 5 }, labels + 2, 1);
	profile_add_sample(p, (uint32_t[]){ 4, 3, 0 }, 3, (int64_t[]){ 2 }, NULL, 0);
	assert_int_equal(profile_build_error(p), 0);
	return p;
}

#define ALL "main;work;leaf 10\nmain;work 5\nmain;noise;malloc(int) 2\n"

static const struct {
	const char *name;
	struct report_options o;
	const char *drop_frames;
	const char *stacks;
	const char *notes;
} cases[] = {
	{ "nothing", { 0 }, NULL, ALL, NULL },
	{ "focus",
	  { .focus = "leaf|mall" },
	  NULL,
	  "main;work;leaf 10\nmain;noise;malloc(int) 2\n",
	  NULL },
	{ "focus on a file", { .focus = "dir/a" }, NULL, ALL, NULL },
	{ "focus without a match",
	  { .focus = "^ork" },
	  NULL,
	  "",
	  "Focus expression matched no samples\n" },
	{ "ignore", { .ignore = "leaf" }, NULL, "main;work 5\nmain;noise;malloc(int) 2\n", NULL },
	{ "hide", { .hide = "^(main|work)$" }, NULL, "leaf 10\nnoise;malloc(int) 2\n", NULL },
	{ "show", { .show = "work|main" }, NULL, "main;work 15\nmain 2\n", NULL },
	{ "show_from", { .show_from = "work" }, NULL, "work;leaf 10\nwork 5\n", NULL },
	{ "prune_from",
	  { .prune_from = "work" },
	  NULL,
	  "main;work 15\nmain;noise;malloc(int) 2\n",
	  NULL },
	{ "tagfocus", { .tag_focus = "io" }, NULL, "main;work;leaf 10\n", NULL },
	{ "tagfocus key", { .tag_focus = "thread=cpu" }, NULL, "main;work 5\n", NULL },
	{ "tagfocus range",
	  { .tag_focus = "bytes=32b:1kb" },
	  NULL,
	  "main;work;leaf 10\n",
	  "tagfocus:Interpreted '32b:1kb' as range, not regexp\n" },
	{ "tagignore", { .tag_ignore = "thread:" }, NULL, "main;noise;malloc(int) 2\n", NULL },
	{ "tagroot",
	  { .tag_root = "thread" },
	  NULL,
	  "io;main;work;leaf 10\ncpu;main;work 5\n<unknown>;main;noise;malloc(int) 2\n",
	  NULL },
	{ "tagleaf",
	  { .tag_leaf = "bytes" },
	  NULL,
	  "main;work;leaf;64B 10\nmain;work;<unknown> 5\nmain;noise;malloc(int);<unknown> 2\n",
	  NULL },
	{ "drop_frames", { 0 }, "noise|malloc", "main;work;leaf 10\nmain;work 5\nmain 2\n", NULL },
	{ "drop_frames is anchored", { 0 }, "eaf|mallo", ALL, NULL },
	{ "all_frames", { .all_frames = true }, "noise|malloc", ALL, NULL },
};

static char *collapse(struct profile *p, struct report_options o, struct buf *notes)
{
	struct report r;
	struct err e = { 0 };
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	o.divide_by = 1;
	o.unit = "minimum";
	if (report_init(&r, p, &o, REPORT_FLAME, notes, &e) < 0 ||
	    report_print_collapsed(&r, out, &e) < 0)
		fail_msg("%s", e.msg);
	report_deinit(&r);
	fclose(out);
	return text;
}

static void test_filters(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_profile_ struct profile *p = example();
		_cleanup_(buf_deinit) struct buf notes = { 0 };
		p->drop_frames = profile_intern_cstr(p, cases[i].drop_frames);
		_cleanup_free_ char *got = collapse(p, cases[i].o, &notes);
		if (strcmp(got, cases[i].stacks) != 0)
			fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].name, got,
				 cases[i].stacks);
		assert_string_equal(notes.data ? notes.data : "",
				    cases[i].notes ? cases[i].notes : "");
	}
}

static const struct {
	const char *text;
	int64_t value;
	const char *unit;
	bool parses, has;
} ranges[] = {
	{ "32kb", 32, "kb", true, true },     { "32kb", 32768, "bytes", true, true },
	{ "32kb", 33, "kb", true, false },    { ":64kb", 64, "kb", true, true },
	{ ":64kb", 65, "kb", true, false },   { "4mb:", 4096, "kb", true, true },
	{ "4mb:", 4095, "kb", true, false },  { "12kb:64mb", 1, "mb", true, true },
	{ "12kb:64mb", 1, "b", true, false }, { "-5:5", 0, "", true, true },
	{ "10ms", 10, "kb", true, false },    { "1kb:5ms", 0, "", false, false },
	{ "a32", 0, "", false, false },       { "32kb:x", 0, "", false, false },
	{ ":", 0, "", false, false },         { "99999999999999999999", 0, "", false, false },
};

static void test_tag_ranges(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct tag_range r;
		if (tag_range_parse(ranges[i].text, &r) != ranges[i].parses)
			fail_msg("'%s'", ranges[i].text);
		if (ranges[i].parses)
			assert_int_equal(tag_range_has(&r, ranges[i].value, ranges[i].unit),
					 ranges[i].has);
	}
}

static const struct {
	const char *pattern, *text;
	bool valid, matches;
} regexes[] = {
	{ "ork", "work", true, true },
	{ "^ork", "work", true, false },
	{ "k$", "work\n", true, false },
	{ "(?i)WORK", "work", true, true },
	{ "(?P<name>o)r", "work", true, true },
	{ "[[:alpha:]]+\\d", "x9", true, true },
	{ "\\QA.B\\E", "xA.By", true, true },
	{ "[(?=]", "=", true, true },
	{ "(?<name>o)r", "work", true, true },
	{ "[^](?=]", "a", true, true },
	{ "[^(?=]", "a", true, true },
	{ "größe", "größe::f", true, true },
	{ "a",
	  "\xff\xfe"
	  "a",
	  true, true },
	{ "(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", true, false },
	{ "(", "", false, false },
	{ "*", "", false, false },
	{ "a(?=b)", "ab", false, false },
	{ "(?<!a)b", "b", false, false },
	{ "(a)\\1", "aa", false, false },
	{ "(*UTF)a", "a", false, false },
};

static void test_regexes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(regexes); i++) {
		_cleanup_regex_ struct regex *re = NULL;
		struct err e = { 0 };
		int rc = regex_create(regexes[i].pattern, "focus", &re, &e);
		if ((rc == 0) != regexes[i].valid)
			fail_msg("'%s': %s", regexes[i].pattern, e.msg);
		if (rc < 0)
			assert_memory_equal(e.msg, "parsing focus regexp: ", 22);
		else if (regex_matches(re, regexes[i].text, strlen(regexes[i].text)) !=
			 regexes[i].matches)
			fail_msg("'%s' on '%s'", regexes[i].pattern, regexes[i].text);
	}
}

static char *flame_of(struct profile *p, bool svg, struct flame_options o)
{
	struct report_options options = REPORT_OPTIONS_DEFAULT;
	struct report r;
	struct err e = { 0 };
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	if (report_init(&r, p, &options, REPORT_FLAME, NULL, &e) < 0 ||
	    (svg ? flame_print_svg : flame_print_text)(&r, &o, out, &e) < 0)
		fail_msg("%s", e.msg);
	report_deinit(&r);
	fclose(out);
	return text;
}

static void test_flame_text(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = example();
	_cleanup_free_ char *down = flame_of(p, false, (struct flame_options){ .columns = 34 });
	assert_string_equal(down, "|all                              \n"
				  "|main                             \n"
				  "|work                         |noi\n"
				  "|leaf                         |mal\n");
	_cleanup_free_ char *up =
		flame_of(p, false, (struct flame_options){ .columns = 34, .inverted = true });
	assert_memory_equal(up, "|leaf ", 6);
}

/*
 * As in pprof's flame graph, a frame is as wide as the profile and its base weigh together. leaf:
 * 30 after 10; noise: 0 after 60.
 */
static void test_flame_difference(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = profile_create();
	profile_add_sample_type(p, "samples", "count");
	for (uint32_t i = 0; i < 2; i++) {
		struct profile_function f = {
			.name = profile_intern_cstr(p, i == 0 ? "leaf" : "noise"),
			.system_name = profile_intern_cstr(p, "mangled"),
		};
		struct profile_line line = { .function = profile_add_function(p, &f) };
		profile_location_set_lines(p, profile_add_location(p, PROFILE_NONE, i), &line, 1);
	}
	struct profile_label base = { .key = profile_intern_cstr(p, "pprof::base"),
				      .str = profile_intern_cstr(p, "true") };
	profile_add_sample(p, (uint32_t[]){ 0 }, 1, (int64_t[]){ 30 }, NULL, 0);
	profile_add_sample(p, (uint32_t[]){ 0 }, 1, (int64_t[]){ -10 }, &base, 1);
	profile_add_sample(p, (uint32_t[]){ 1 }, 1, (int64_t[]){ -60 }, &base, 1);
	assert_int_equal(profile_build_error(p), 0);
	_cleanup_free_ char *svg = flame_of(p, true, (struct flame_options){ 0 });
	assert_non_null(strstr(svg, "<title>noise\n0, 0%, base 60</title>"
				    "<rect x=\"0.00\" y=\"81\" width=\"720.000\" height=\"16\" "
				    "fill=\"hsl(215,90%,58%)\"/>"));
	assert_non_null(strstr(svg, "<title>leaf\n30, 42.86%, base 10</title>"
				    "<rect x=\"720.00\" y=\"81\" width=\"480.000\" height=\"16\" "
				    "fill=\"hsl(5,45%,73%)\"/>"));
}

/* A hundred thousand narrow frames are folded, told, and cost little room. */
static void test_flame_svg_folds(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = example();
	for (uint32_t i = 0; i < 100000; i++) {
		char name[32];
		snprintf(name, sizeof(name), "<narrow & %u>", i);
		struct profile_function f = { .name = profile_intern_cstr(p, name),
					      .system_name = 1 };
		struct profile_line line = { .function = profile_add_function(p, &f) };
		uint32_t l = profile_add_location(p, PROFILE_NONE, 100 + i);
		profile_location_set_lines(p, l, &line, 1);
		profile_add_sample(p, (uint32_t[]){ l, 0 }, 2, (int64_t[]){ i == 0 ? 200000 : 1 },
				   NULL, 0);
	}
	_cleanup_free_ char *svg = flame_of(p, true, (struct flame_options){ 0 });
	assert_true(strlen(svg) < 20000);
	assert_non_null(strstr(svg, "frames narrower than a pixel are not shown"));
	assert_non_null(strstr(svg, "<title>&#60;narrow &#38; 0&#62;\n200000, 66.66%</title>"));
	assert_null(strstr(svg, "narrow & "));
	assert_non_null(strstr(svg, "]]></script>\n</svg>\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),          cmocka_unit_test(test_tag_ranges),
		cmocka_unit_test(test_regexes),          cmocka_unit_test(test_flame_text),
		cmocka_unit_test(test_flame_difference), cmocka_unit_test(test_flame_svg_folds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
