// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cmd/report_options.h"

#define WORDS_MAX 8

/* Parse "VERB WORD WORD"; `line` is cut into words. */
static int parse(char *line, const char *const *only, struct report_args *a, struct err *e)
{
	char *argv[WORDS_MAX + 1] = { 0 };
	int argc = 0;

	for (char *word = strtok(line, " "); word && argc < WORDS_MAX; word = strtok(NULL, " "))
		argv[argc++] = word;
	return report_args_parse(a, only, argc, argv, e);
}

static void test_what_is_refused(void **state)
{
	(void)state;
	static const char *const only[] = { "o", "base", NULL };
	static const struct {
		const char *line, *message;
		bool few; /* the verb has few options */
	} cases[] = {
		{ "top -frobnicate f", "unknown option '-frobnicate' (--help lists them)", false },
		{ "top -focsu=x f", "unknown option '-focsu=x': did you mean '-focus'?", false },
		{ "top --nodecont 5", "unknown option '--nodecont': did you mean '-nodecount'?",
		  false },
		{ "top -= f", "unknown option '-=' (--help lists them)", false },
		{ "top -nodecount", "option '-nodecount' needs a value", false },
		{ "top -nodecount x f", "option '-nodecount' takes a whole number, not 'x'",
		  false },
		{ "top -mean=perhaps f", "option '-mean' takes true or false, not 'perhaps'",
		  false },
		{ "top -sort=name f", "option '-sort' takes cum or flat, not 'name'", false },
		{ "top -base a -diff_base b", "-base and -diff_base cannot both be given", false },
		{ "merge -focus=x f", "'merge' has no option '-focus' (--help lists them)", true },
		{ "merge -cum f", "'merge' has no option '-cum' (--help lists them)", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line = strdup(cases[i].line);
		struct report_args a;
		struct err e = { 0 };

		assert_int_equal(parse(line, cases[i].few ? only : NULL, &a, &e), -EINVAL);
		assert_string_equal(e.msg, cases[i].message);
		report_args_deinit(&a);
	}
}

static void test_few_options_are_taken(void **state)
{
	(void)state;
	static const char *const only[] = { "o", "base", NULL };
	char line[] = "merge -o out --base=before now";
	struct report_args a;

	assert_int_equal(parse(line, only, &a, NULL), 0);
	assert_string_equal(a.output, "out");
	assert_int_equal(a.base.len, 1);
	assert_string_equal(a.base.items[0], "before");
	assert_int_equal(a.words.len, 1);
	report_args_deinit(&a);
}

static char *help_text(const struct report_help *h)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	report_args_help(h, f);
	fclose(f);
	return text;
}

/* Whether a text has an option, and not only one whose name goes on. */
static bool has_option(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *dash = strstr(text, " -"); dash; dash = strstr(dash + 1, " -")) {
		const char *after = dash + 2 + len;
		if (strncmp(dash + 2, name, len) == 0 && !isalpha(*after) && *after != '_')
			return true;
	}
	return false;
}

static void test_help_names_every_option(void **state)
{
	(void)state;
	static const char *const names[] = {
		"nodecount",
		"nodefraction",
		"edgefraction",
		"divide_by",
		"sample_index",
		"unit",
		"mean",
		"drop_negative",
		"call_tree",
		"noinlines",
		"showcolumns",
		"compact_labels",
		"focus",
		"ignore",
		"hide",
		"relative_percentages",
		"show",
		"show_from",
		"prune_from",
		"tagfocus",
		"tagignore",
		"tagshow",
		"taghide",
		"tagroot",
		"tagleaf",
		"source_path",
		"trim_path",
		"trim",
		"sort",
		"granularity",
		"all_frames",
		"text",
		"inverted",
		"help",
		"o",
		"title",
		"add_comment",
		"cum",
		"flat",
		"functions",
		"filefunctions",
		"files",
		"lines",
		"addresses",
		"total_delay",
		"contentions",
		"mean_delay",
		"inuse_space",
		"inuse_objects",
		"alloc_space",
		"alloc_objects",
	};
	static const char *const loaded[] = { "base", "diff_base", "normalize", "p",     "a",
					      "d",    "F",         "rate",      "labels" };
	struct report_help h = { "About it.", "diff", "BEFORE AFTER", NULL };
	_cleanup_free_ char *two_files = help_text(&h);

	h.live_words = "-p PID";
	_cleanup_free_ char *any = help_text(&h);
	for (size_t i = 0; i < ARRAY_SIZE(names) + ARRAY_SIZE(loaded); i++) {
		bool always = i < ARRAY_SIZE(names);
		const char *name = always ? names[i] : loaded[i - ARRAY_SIZE(names)];

		if (!has_option(any, name) || has_option(two_files, name) != always)
			fail_msg("'-%s' is missing, or where it does not belong", name);
	}
	assert_non_null(strstr(two_files, "Usage: cprofbpf diff [OPTIONS] BEFORE AFTER\n"));
	for (char *line = strtok(any, "\n"); line; line = strtok(NULL, "\n"))
		assert_in_range(strlen(line), 0, 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_few_options_are_taken),
		cmocka_unit_test(test_help_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
