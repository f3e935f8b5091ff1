// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/capture_help.h"
#include "cmd/capture_options.h"
#include "cmd/suggest.h"
#include "session/session.h"

#define WORDS_MAX 16

/* Split a command line at single spaces; "''" is an empty word. */
static int split(char *line, char *words[WORDS_MAX])
{
	int count = 0;

	words[count++] = "cpu";
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		assert_true(count < WORDS_MAX - 1);
		words[count++] = strcmp(word, "''") == 0 ? "" : word;
	}
	words[count] = NULL;
	return count;
}

static int parse(const char *text, char *line, char *words[WORDS_MAX], struct capture_options *o,
		 struct err *e)
{
	strcpy(line, text);
	int argc = split(line, words);
	return capture_options_parse(SESSION_CPU, argc, words, o, e);
}

static void test_refuses_with_one_clear_line(void **state)
{
	(void)state;
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "", "nothing to profile: give -p PID, -a, or -- and a command" },
		{ "-d 3", "nothing to profile" },
		{ "-p", "option '-p' needs a value" },
		{ "-qp", "option '-p' needs a value" },
		{ "--pid", "option '--pid' needs a value" },
		{ "-p 1 -d", "option '-d' needs a value" },
		{ "-p ''", "' has an empty process ID" },
		{ "-p ,", "' has an empty process ID" },
		{ "-p 1,", "' has an empty process ID" },
		{ "-p ,1", "' has an empty process ID" },
		{ "-p 1,,2", "'1,,2' has an empty process ID: give numbers as in -p 123,456" },
		{ "-p 0", "'0' is no process ID" },
		{ "-p -5", "'-5' is no process ID" },
		{ "-p redis", "'redis' is no process ID: give a number (pgrep NAME finds it)" },
		{ "-p 1,12x", "'12x' is no process ID" },
		{ "-p 0x10", "'0x10' is no process ID" },
		{ "-p 2147483648", "'2147483648' is no process ID" },
		{ "-p 99999999999999999999999", "is no process ID" },
		{ "-p 1 -a", "exclude each other" },
		{ "-p 1 -- true", "exclude each other" },
		{ "-a -- true", "exclude each other" },
		{ "-a --children", "'--children' does not go with it" },
		{ "-a --no-children", "'--no-children' does not go with it" },
		{ "--", "'--' without a command" },
		{ "-d 5 --", "'--' without a command" },
		{ "-- ''", "the command's name is empty" },
		{ "sleep 5", "unexpected 'sleep': a command to profile goes after '--'" },
		{ "-p 1 2", "unexpected '2'" },
		{ "-p 1 -d 0", "'0' is no possible duration" },
		{ "-p 1 -d 0.0", "is no possible duration" },
		{ "-p 1 -d 0.0000000001", "is no possible duration" },
		{ "-p 1 -d 31536001", "above 0 s, and at most 31536000 s" },
		{ "-p 1 -d 99999999999999", "'99999999999999' is no number of seconds" },
		{ "-p 1 -d -1", "'-1' is no number of seconds" },
		{ "-p 1 -d .", "'.' is no number of seconds" },
		{ "-p 1 -d ''", "'' is no number of seconds" },
		{ "-p 1 -d 1,5", "'1,5' is no number of seconds" },
		{ "-p 1 -d 1.5.1", "'1.5.1' is no number of seconds" },
		{ "-p 1 -d 10s", "'10s' is no number of seconds: give one as in -d 30" },
		{ "-p 1 -d nan", "'nan' is no number of seconds" },
		{ "-p 1 -d 1e3", "'1e3' is no number of seconds" },
		{ "-p 1 -F 0", "'0' is no frequency" },
		{ "-p 1 -F 10001", "'10001' is no frequency: give samples per second, 1 to 10000" },
		{ "-p 1 -F 99.5", "'99.5' is no frequency" },
		{ "-p 1 -F +5", "'+5' is no frequency" },
		{ "-p 1 -F ''", "'' is no frequency" },
		{ "-p 1 --labels=", "'' is no label: there are tid, thread, cpu, pid" },
		{ "-p 1 --labels=tid,", "'' is no label" },
		{ "-p 1 --labels=tid,comm", "'comm' is no label" },
		{ "-p 1 --labels=ti", "'ti' is no label" },
		{ "-p 1 --labels=tids", "'tids' is no label" },
		{ "-p 1 -o ''", "'-o' has an empty file name" },
		{ "-p 1 -o a -o b", "'-o' is given twice" },
		{ "-p 1 -q -v", "'-q' and '-v' exclude each other" },
		{ "-p 1 -x", "unknown option '-x' (--help lists them)" },
		{ "-d 1 -p 1 22 333", "unexpected '22': give several process IDs as in -p 123,456 "
				      "('pgrep -d, NAME' prints them so)" },
		{ "-p 1 make", "unexpected 'make': a command to profile goes after '--'" },
		{ "22", "unexpected '22': a command to profile goes after '--'" },
		{ "-p 1 -qx", "unknown option '-x'" },
		{ "-p 1 --lables=tid", "unknown option '--lables=tid': did you mean '--labels'?" },
		{ "-p 1 --childern", "did you mean '--children'?" },
		{ "-p 1 --zzz", "unknown option '--zzz' (--help lists them)" },
		{ "--all=yes", "option '--all=yes' takes no value" },
		{ "-p 1 --rate=1", "option '--rate=1' is of 'heap' and 'allocs' only" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[256], *words[WORDS_MAX];
		struct capture_options o;
		struct err e = { 0 };

		if (parse(cases[i].line, line, words, &o, &e) != -EINVAL ||
		    !strstr(e.msg, cases[i].message) || strchr(e.msg, '\n'))
			fail_msg("%s: '%s'", cases[i].line, e.msg);
		capture_options_deinit(&o);
	}
}

static void test_takes_what_is_right(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		size_t npids;
		pid_t first, last;
		bool all, children;
		uint64_t duration_ns;
		uint32_t hz, labels;
		const char *output, *command;
	} cases[] = {
		{ "-p 7", 1, 7, 7, false, false, 0, 100, 0, NULL, NULL },
		{ "-p7 -d3", 1, 7, 7, false, false, 3 * NS_PER_SEC, 100, 0, NULL, NULL },
		{ "-p 7,8 -p 9", 3, 7, 9, false, false, 0, 100, 0, NULL, NULL },
		{ "-p 7,8,7 -p 8", 2, 7, 8, false, false, 0, 100, 0, NULL, NULL },
		{ "-p 2147483647", 1, 2147483647, 2147483647, false, false, 0, 100, 0, NULL, NULL },
		{ "--pid=007 --children", 1, 7, 7, false, true, 0, 100, 0, NULL, NULL },
		{ "-p 7 --children --no-children", 1, 7, 7, false, false, 0, 100, 0, NULL, NULL },
		{ "-a -d 0.25 -F 10000", 0, 0, 0, true, false, NS_PER_SEC / 4, 10000, 0, NULL,
		  NULL },
		{ "-a -d .5 -F 1", 0, 0, 0, true, false, NS_PER_SEC / 2, 1, 0, NULL, NULL },
		{ "-a -d 2.", 0, 0, 0, true, false, 2 * NS_PER_SEC, 100, 0, NULL, NULL },
		{ "-a -d 1.0000000019", 0, 0, 0, true, false, NS_PER_SEC + 1, 100, 0, NULL, NULL },
		{ "-a -d 1 -d 2", 0, 0, 0, true, false, 2 * NS_PER_SEC, 100, 0, NULL, NULL },
		{ "-a --labels tid,pid -o x", 0, 0, 0, true, false, 0, 100,
		  SESSION_LABEL_TID | SESSION_LABEL_PID, "x", NULL },
		{ "-a --labels thread --labels cpu -o -", 0, 0, 0, true, false, 0, 100,
		  SESSION_LABEL_THREAD | SESSION_LABEL_CPU, "-", NULL },
		{ "-- true -p 5 --help", 0, 0, 0, false, true, 0, 100, 0, NULL, "true" },
		{ "-o -- -- true", 0, 0, 0, false, true, 0, 100, 0, "--", "true" },
		{ "--no-children -- -x", 0, 0, 0, false, false, 0, 100, 0, NULL, "-x" },
		{ "-- --", 0, 0, 0, false, true, 0, 100, 0, NULL, "--" },
		{ "--freq 50 --dur 1 --al", 0, 0, 0, true, false, NS_PER_SEC, 50, 0, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[256], *words[WORDS_MAX];
		struct capture_options o;
		struct err e = { 0 };

		if (parse(cases[i].line, line, words, &o, &e) < 0)
			fail_msg("%s: %s", cases[i].line, e.msg);
		bool same = o.pids.len == cases[i].npids && o.all == cases[i].all &&
			    o.children == cases[i].children &&
			    o.duration_ns == cases[i].duration_ns && o.hz == cases[i].hz &&
			    o.labels == cases[i].labels;
		if (same && o.pids.len)
			same = o.pids.items[0] == cases[i].first &&
			       o.pids.items[o.pids.len - 1] == cases[i].last;
		if (!same)
			fail_msg("%s: parsed wrong", cases[i].line);
		assert_int_equal(!o.output, !cases[i].output);
		if (o.output)
			assert_string_equal(o.output, cases[i].output);
		assert_int_equal(!o.command, !cases[i].command);
		if (o.command)
			assert_string_equal(o.command[0], cases[i].command);
		capture_options_deinit(&o);
	}
}

static void test_switches(void **state)
{
	(void)state;
	char line[256], *words[WORDS_MAX];
	struct capture_options o;
	struct err e = { 0 };

	assert_int_equal(parse("-a", line, words, &o, &e), 0);
	assert_false(o.user_only || o.no_symbols || o.quiet || o.verbose || o.help);
	capture_options_deinit(&o);
	assert_int_equal(parse("-a --user-only -q", line, words, &o, &e), 0);
	assert_true(o.user_only && o.quiet && !o.no_symbols && !o.verbose);
	capture_options_deinit(&o);
	assert_int_equal(parse("-a --no-symbols -v", line, words, &o, &e), 0);
	assert_true(o.no_symbols && o.verbose && !o.user_only && !o.quiet);
	capture_options_deinit(&o);
	/* Help is given whatever else is missing or follows. */
	assert_int_equal(parse("--help -d x", line, words, &o, &e), 0);
	assert_true(o.help);
	capture_options_deinit(&o);
	/* The command's own words stay as they are. */
	assert_int_equal(parse("-d 1 -- make -j4 -- all", line, words, &o, &e), 0);
	assert_string_equal(o.command[1], "-j4");
	assert_string_equal(o.command[2], "--");
	assert_string_equal(o.command[3], "all");
	assert_null(o.command[4]);
	capture_options_deinit(&o);
}

static void check_help(void (*help)(FILE *), const char *const *words, size_t n)
{
	char *text = NULL;
	size_t len = 0;

	FILE *f = open_memstream(&text, &len);
	help(f);
	fclose(f);
	for (size_t i = 0; i < n; i++)
		if (!strstr(text, words[i]))
			fail_msg("'%s' is missing", words[i]);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_in_range(strlen(line), 0, 80);
	free(text);
}

static void test_help_names_every_option(void **state)
{
	(void)state;
	static const char *const heap[] = {
		"-p,",          "-d,",      "-o,",          "-q,",
		"-v,",          "-h,",      "--children",   "--no-children",
		"--labels",     "--rate",   "--max-live",   "--max-overhead",
		"--allocator",  "--probes", "--no-symbols", "Examples:",
		"Exit status:",
	};
	static const char *const words[] = {
		"-p,",           "-a,",          "-d,",          "-F,",         "-o,",
		"-q,",           "-v,",          "-h,",          "--user-only", "--children",
		"--no-children", "--labels",     "--no-symbols", "--pid",       "--all",
		"--duration",    "--frequency",  "--output",     "--quiet",     "--verbose",
		"Examples:",     "Exit status:",
	};

	check_help(capture_help_cpu, words, ARRAY_SIZE(words));
	check_help(capture_help_heap, heap, ARRAY_SIZE(heap));
}

static void test_heap_options(void **state)
{
	(void)state;
	static const struct {
		const char *line, *message; /* NULL: is taken */
		uint64_t rate;
		uint32_t max_live;
	} cases[] = {
		{ "-p 1", NULL, 512 << 10, 256 << 10 },
		{ "-p 1 --rate 1", NULL, 1, 256 << 10 },
		{ "-p 1 --rate=64k --max-live=1024", NULL, 64 << 10, 1024 },
		{ "-p 1 --rate 2MiB", NULL, 2 << 20, 256 << 10 },
		{ "-p 1 --rate 1GB", NULL, 1 << 30, 256 << 10 },
		{ "-p 1 --rate 0", "'0' is no sampling rate: give bytes as in --rate 512KiB", 0,
		  0 },
		{ "-p 1 --rate 1025M", "'1025M' is no sampling rate", 0, 0 },
		{ "-p 1 --rate 99999999999999999999k", "is no sampling rate", 0, 0 },
		{ "-p 1 --rate k", "'k' is no sampling rate", 0, 0 },
		{ "-p 1 --rate 5x", "'5x' is no sampling rate", 0, 0 },
		{ "-p 1 --rate 5kk", "'5kk' is no sampling rate", 0, 0 },
		{ "-p 1 --max-live 1023", "give 1024 to 67108864", 0, 0 },
		{ "-p 1 --max-overhead 2.5%", NULL, 512 << 10, 256 << 10 },
		{ "-p 1 --allocator jemalloc,glibc --probes multi", NULL, 512 << 10, 256 << 10 },
		{ "-p 1 --allocator jemalloc,nomalloc", "'nomalloc' is no allocator", 0, 0 },
		{ "-p 1 --probes retprobe", "'retprobe' is no kind of probe", 0, 0 },
		{ "-p 1 --max-overhead 0", "'0' is no overhead", 0, 0 },
		{ "-p 1 --max-overhead 100.1", "is no overhead", 0, 0 },
		{ "-p 1 --max-overhead 5.", "'5.' is no overhead: give percent", 0, 0 },
		{ "-p 1 -F 99", "option '-F' is of 'cpu' only", 0, 0 },
		{ "-a", "option '-a' is of 'cpu' only", 0, 0 },
		{ "-p 1 --user-only", "option '--user-only' is of 'cpu' only", 0, 0 },
		{ "-p 1 --labels=sizes", "there are tid, thread, cpu, pid, size", 0, 0 },
		{ "-d 1", "nothing to profile: give -p PID, or -- and a command", 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[256], *words[WORDS_MAX];
		struct capture_options o;
		struct err e = { 0 };

		strcpy(line, cases[i].line);
		int rc = capture_options_parse(SESSION_HEAP, split(line, words), words, &o, &e);
		if (cases[i].message ? rc != -EINVAL || !strstr(e.msg, cases[i].message)
				     : rc != 0 || o.heap.rate_bytes != cases[i].rate ||
					       o.heap.max_live != cases[i].max_live)
			fail_msg("%s: %d '%s', rate %lu", cases[i].line, rc, e.msg,
				 o.heap.rate_bytes);
		capture_options_deinit(&o);
	}
}

static void test_suggestions(void **state)
{
	(void)state;
	static const char *const verbs[] = { "cpu", "top", "traces", "merge", "speedscope" };
	static const struct {
		const char *word, *want;
	} cases[] = {
		{ "tpo", "top" },
		{ "to", "top" },
		{ "topp", "top" },
		{ "cpus", "cpu" },
		{ "trace", "traces" },
		{ "mrege", "merge" },
		{ "speedscpe", "speedscope" },
		{ "speed", "speedscope" },
		{ "sleep", NULL },
		{ "", NULL },
		{ "xyz", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = suggest_nearest(cases[i].word, verbs, ARRAY_SIZE(verbs));

		if (!got != !cases[i].want || (got && strcmp(got, cases[i].want) != 0))
			fail_msg("%s: '%s'", cases[i].word, got ? got : "nothing");
	}
	assert_int_equal(suggest_distance("", "abc"), 3);
	assert_int_equal(suggest_distance("abc", "abc"), 0);
	assert_int_equal(suggest_distance("ab", "ba"), 1);
	assert_int_equal(suggest_distance("kitten", "sitting"), 3);
	char longest[65];
	memset(longest, 'a', sizeof(longest) - 1);
	longest[64] = '\0';
	assert_true(suggest_distance(longest, "a") == SIZE_MAX);
	longest[63] = '\0';
	assert_int_equal(suggest_distance(longest, "a"), 62);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuses_with_one_clear_line),
		cmocka_unit_test(test_takes_what_is_right),
		cmocka_unit_test(test_switches),
		cmocka_unit_test(test_help_names_every_option),
		cmocka_unit_test(test_heap_options),
		cmocka_unit_test(test_suggestions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
