// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "cmd/gate_options.h"

#define WORDS_MAX 24

#define FILES     "--base a --new b "
#define COMMANDS  "--base-cmd a --new-cmd b "

/* Split a command line at single spaces; "''" is an empty word. */
static int parse(const char *text, char *line, struct gate_options *o, struct err *e)
{
	char *words[WORDS_MAX] = { "gate" };
	int count = 1;

	strcpy(line, text);
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		assert_true(count < WORDS_MAX - 1);
		words[count++] = strcmp(word, "''") == 0 ? "" : word;
	}
	return gate_options_parse(count, words, o, e);
}

static void test_refuses_with_one_clear_line(void **state)
{
	(void)state;
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "", "nothing to judge: give '--base' and '--new', or '--base-cmd' and" },
		{ "--base", "option '--base' needs a value" },
		{ "--base a", "there is no '--new' to compare with" },
		{ "--new a", "there is no '--base' to compare with" },
		{ "--base-cmd a", "there is no '--new-cmd' to compare with" },
		{ "--new-cmd a", "there is no '--base-cmd' to compare with" },
		{ "--base a --new-cmd b", "profiles and commands do not compare" },
		{ "--base-cmd a --base-cmd b", "option '--base-cmd' is given twice" },
		{ "--base-cmd= --new-cmd b", "option '--base-cmd' has an empty value" },
		{ "a --base b", "unexpected 'a': profiles go behind '--base' or '--new'" },
		{ FILES "--svg x y", "unexpected 'y'" },
		{ "--aa --base a --new b", "'--aa' compares the base with itself: '--new' does" },
		{ "--aa --base-cmd a --new-cmd b", "'--new-cmd' does not go with it" },
		{ "--aa", "nothing to judge" },
		{ FILES "--runs 5", "option '--runs' is for commands" },
		{ FILES "--pin 1", "option '--pin' is for commands" },
		{ FILES "--expect-same-output", "option '--expect-same-output' is for commands" },
		{ FILES "--frob", "unknown option '--frob'" },
		{ FILES "--jsn x", "unknown option '--jsn': did you mean '--json'?" },
		{ FILES "-x", "unknown option '-x'" },
		{ FILES "-vq", "unknown option '-vq'" },
		{ FILES "-v -q", "'-q' and '-v' exclude each other" },
		{ FILES "--strict=yes", "option '--strict' takes no value" },
		{ FILES "--github=1", "option '--github' takes no value" },
		{ FILES "--json", "option '--json' needs a value" },
		{ FILES "--json - --junit -", "only one of '--json', '--junit'" },
		{ FILES "--json - --github", "only one of '--json', '--junit'" },
		{ FILES "--svg -", "'--svg' needs the name of a file" },
		{ COMMANDS "--runs 0", "takes a number from 1 to 1000, not '0'" },
		{ COMMANDS "--runs 1001", "takes a number from 1 to 1000, not '1001'" },
		{ COMMANDS "--runs ten", "not 'ten'" },
		{ COMMANDS "--runs 1x", "not '1x'" },
		{ COMMANDS "--runs -1", "not '-1'" },
		{ COMMANDS "-n 99999999999999999999999", "not '99999999999999999999999'" },
		{ COMMANDS "--rate 0", "option '--rate' takes a number from 1 to" },
		{ COMMANDS "--time-limit 0", "takes a time as in 90, 90s, 15m, 1h, not '0'" },
		{ COMMANDS "--time-limit 5d", "not '5d'" },
		{ COMMANDS "--time-limit 5ms", "not '5ms'" },
		{ COMMANDS "--time-limit soon", "not 'soon'" },
		{ COMMANDS "--time-limit inf", "not 'inf'" },
		{ COMMANDS "--time-limit 9000h", "not '9000h'" },
		{ COMMANDS "--pin x", "option '--pin' takes CPUs as in 1 or 0-3,6, not 'x'" },
		{ COMMANDS "--pin 3-1", "not '3-1'" },
		{ COMMANDS "--pin 1,", "not '1,'" },
		{ COMMANDS "--pin 1024", "not '1024'" },
		{ FILES "--power 5", "option '--power' takes a percentage as in 5%, not '5'" },
		{ FILES "--power 0%", "not '0%'" },
		{ FILES "--power nan%", "not 'nan%'" },
		{ FILES "--per 0", "option '--per' takes the work of a run" },
		{ FILES "--per 5,", "not '5,'" },
		{ FILES "--per 5,-1", "not '5,-1'" },
		{ FILES "--per 5 --per-file x", "'--per' and '--per-file' exclude each other" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(gate_options_deinit) struct gate_options o;
		struct err e = { 0 };
		char line[256];

		if (parse(cases[i].line, line, &o, &e) != -EINVAL)
			fail_msg("'%s' was taken", cases[i].line);
		if (!strstr(e.msg, cases[i].message) || strchr(e.msg, '\n'))
			fail_msg("'%s' says: %s", cases[i].line, e.msg);
	}
}

static void test_takes_what_is_right(void **state)
{
	(void)state;
	_cleanup_(gate_options_deinit) struct gate_options o;
	struct err e = { 0 };
	char line[256];

	assert_int_equal(parse("--base a b --new=c -v d --new e", line, &o, &e), -EINVAL);
	gate_options_deinit(&o);
	assert_int_equal(parse("--base a b --new=c d --base e --json - -q", line, &o, &e), 0);
	assert_int_equal(o.patterns[GATE_BASE].len, 3);
	assert_string_equal(o.patterns[GATE_BASE].items[1], "b");
	assert_string_equal(o.patterns[GATE_BASE].items[2], "e");
	assert_int_equal(o.patterns[GATE_NEW].len, 2);
	assert_string_equal(o.patterns[GATE_NEW].items[1], "d");
	assert_string_equal(o.json, "-");
	assert_true(o.quiet);
	gate_options_deinit(&o);

	assert_int_equal(parse(COMMANDS "-n15 --warmup=0 --pin 0-2,5 --time-limit 1.5m --bisect "
					"--rate 512 --power 2.5% --per 10,20",
			       line, &o, &e),
			 0);
	assert_int_equal(o.runs, 15);
	assert_int_equal(o.warmup, 0);
	assert_true(o.pin && CPU_ISSET(0, &o.cpus) && CPU_ISSET(2, &o.cpus));
	assert_true(CPU_ISSET(5, &o.cpus) && CPU_COUNT(&o.cpus) == 4);
	assert_in_range(o.time_limit_ns, 90 * NS_PER_SEC, 90 * NS_PER_SEC + 1);
	assert_true(o.bisect);
	assert_int_equal(o.rate_bytes, 512);
	assert_true(fabs(o.power - 0.025) < 1e-12);
	assert_true(o.per[GATE_BASE] == 10 && o.per[GATE_NEW] == 20);
	gate_options_deinit(&o);

	assert_int_equal(parse("--aa --base-cmd a --per 3", line, &o, &e), 0);
	assert_true(o.self && o.runs == 12 && o.warmup == 1 && o.rate_bytes == 1);
	assert_true(o.per[GATE_BASE] == 3 && o.per[GATE_NEW] == 3);
}

/* git bisect must not take an error for a bad commit, wherever the error is. */
static void test_bisect_is_known_whatever_is_wrong(void **state)
{
	(void)state;
	static const char *const lines[] = { "--frob --bisect", "--bisect --frob",
					     COMMANDS "--runs 0 --bisect" };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_(gate_options_deinit) struct gate_options o;
		struct err e = { 0 };
		char line[256];

		assert_int_equal(parse(lines[i], line, &o, &e), -EINVAL);
		assert_true(o.bisect);
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* What options say goes over what the file says; the file is the one named, or the usual one. */
static void test_policy(void **state)
{
	(void)state;
	char dir[] = "/tmp/cprofbpf-unit-XXXXXX", line[256], here[PATH_MAX];
	struct err e = { 0 };

	assert_non_null(getcwd(here, sizeof(here)));
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	write_file("other.json", "{ \"alpha\": 0.05 }");
	static const struct {
		const char *file, *line;
		double alpha;
		bool strict;
	} cases[] = {
		{ NULL, FILES, 0.002, false },
		{ NULL, FILES "--alpha 0.01 --strict", 0.01, true },
		{ "{ \"alpha\": 0.1, \"strict\": true }", FILES, 0.1, true },
		{ "{ \"alpha\": 0.1 }", FILES "--alpha 0.01", 0.01, false },
		{ "{ \"alpha\": 0.1 }", FILES "--policy other.json", 0.05, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(gate_options_deinit) struct gate_options o;
		_cleanup_(gate_policy_deinit) struct gate_policy policy;

		gate_policy_init(&policy);
		if (cases[i].file)
			write_file(GATE_POLICY_FILE, cases[i].file);
		assert_int_equal(parse(cases[i].line, line, &o, &e), 0);
		assert_int_equal(gate_options_policy(&o, &policy, &e), 0);
		assert_true(policy.alpha == cases[i].alpha && policy.strict == cases[i].strict);
		if (cases[i].file)
			assert_int_equal(unlink(GATE_POLICY_FILE), 0);
	}
	static const struct {
		const char *line, *message;
		int code;
	} wrong[] = {
		{ FILES "--policy absent.json", "absent.json", -ENOENT },
		{ FILES "--alpha 2", "--alpha", -EINVAL },
		{ FILES "--function a", "--function", -EINVAL },
		{ FILES "--total-floor 2", "--total-floor", -EINVAL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(gate_options_deinit) struct gate_options o;
		_cleanup_(gate_policy_deinit) struct gate_policy policy;

		gate_policy_init(&policy);
		assert_int_equal(parse(wrong[i].line, line, &o, &e), 0);
		assert_int_equal(gate_options_policy(&o, &policy, &e), wrong[i].code);
		assert_non_null(strstr(e.msg, wrong[i].message));
	}
	assert_int_equal(unlink("other.json"), 0);
	assert_int_equal(chdir(here), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void assert_names_options(const char *text, const char *dashes)
{
	for (size_t i = 0; gate_option_name(i); i++) {
		char word[64];

		snprintf(word, sizeof(word), "%s%s", dashes, gate_option_name(i));
		const char *at = strstr(text, word);
		/* Not the beginning of a longer one. */
		while (at && (at[strlen(word)] == '-' || isalpha(at[strlen(word)])))
			at = strstr(at + 1, word);
		if (!at)
			fail_msg("nothing is said of '%s'", word);
	}
}

static void test_help_names_every_option(void **state)
{
	(void)state;
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	gate_help(to);
	assert_int_equal(fclose(to), 0);
	assert_names_options(text, "--");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_in_range(strlen(line), 0, 82);
	free(text);
}

static void test_manual_names_every_option(void **state)
{
	(void)state;
	_cleanup_(buf_deinit) struct buf text = { 0 };

	assert_int_equal(file_read_all("user/cmd/cprofbpf-gate.1", &text, NULL), 0);
	assert_names_options(text.data, "Fl -");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuses_with_one_clear_line),
		cmocka_unit_test(test_takes_what_is_right),
		cmocka_unit_test(test_bisect_is_known_whatever_is_wrong),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_help_names_every_option),
		cmocka_unit_test(test_manual_names_every_option),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
