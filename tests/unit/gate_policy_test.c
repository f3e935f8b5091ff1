// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "gate/policy.h"

static int parse(struct gate_policy *p, const char *text, struct err *e)
{
	gate_policy_init(p);
	return gate_policy_parse(p, text, strlen(text), "p.json", e);
}

static const char whole[] =
	"{\n"
	"  \"alpha\": 0.01, \"total_floor\": \"2%\",\n"
	"  \"relative_floor\": \"10%\", \"absolute_floor\": \"0.5%\",\n"
	"  \"min_share\": \"2%\", \"resolution\": \"7.5%\",\n"
	"  \"min_samples\": 50, \"strict\": true, \"seed\": 18446744073709551615,\n"
	"  \"metrics\": { \"cpu\": { \"total_floor\": \"3%\" }, \"delay\": {} },\n"
	"  \"functions\": { \"^Parser::\": \"2%\",\n"
	"    \"^Cache::\": { \"relative_floor\": \"3%\", \"absolute_floor\": \"1%\" },\n"
	"    \"Cache\": { \"relative_floor\": \"9%\" } },\n"
	"  \"ignore\": [\"^gc_\", \"idle$\"]\n"
	"}\n";

static void assert_floors(struct gate_floors f, double total, double relative, double absolute)
{
	assert_true(fabs(f.total - total) < 1e-12);
	assert_true(fabs(f.relative - relative) < 1e-12);
	assert_true(fabs(f.absolute - absolute) < 1e-12);
}

static void test_whole_file(void **state)
{
	(void)state;
	_cleanup_(gate_policy_deinit) struct gate_policy p;
	struct err e = { 0 };
	bool own;
	if (parse(&p, "{ \"seed\": 7 }", &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(p.seed == 7 && p.alpha == 0.002 && p.metrics.len == 0 && !p.strict);
	gate_policy_deinit(&p);
	/* Jansson's integers are signed. */
	assert_int_equal(parse(&p, whole, &e), -EINVAL);
	assert_string_equal(e.msg, "p.json:5: too big integer near '18446744073709551615'");
	gate_policy_deinit(&p);
	_cleanup_free_ char *text = strdup(whole);
	memcpy(strstr(text, "18446744073709551615"), "9223372036854775807 ", 20);
	if (parse(&p, text, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(p.alpha == 0.01 && p.min_share == 0.02 && p.resolution == 0.075);
	assert_true(p.min_samples == 50 && p.strict && p.seed == INT64_MAX);
	assert_int_equal(p.metrics.len, 2);
	assert_true(p.metrics.items[0].judged && p.metrics.items[1].judged);
	assert_floors(gate_policy_metric_floors(&p, "cpu"), 0.03, 0.1, 0.005);
	assert_floors(gate_policy_metric_floors(&p, "delay"), 0.02, 0.1, 0.005);
	assert_floors(gate_policy_metric_floors(&p, "other"), 0.02, 0.1, 0.005);
	/* The first pattern that matches counts; the short form has no absolute floor. */
	assert_floors(gate_policy_function_floors(&p, "cpu", "Parser::run()", &own), 0.03, 0.02, 0);
	assert_true(own);
	assert_floors(gate_policy_function_floors(&p, "cpu", "Cache::get", &own), 0.03, 0.03, 0.01);
	assert_floors(gate_policy_function_floors(&p, "cpu", "a::Cache", &own), 0.03, 0.09, 0.005);
	assert_floors(gate_policy_function_floors(&p, "cpu", "main", &own), 0.03, 0.1, 0.005);
	assert_true(!own);
	assert_true(gate_policy_ignores(&p, "gc_mark") && gate_policy_ignores(&p, "cpu_idle"));
	assert_true(!gate_policy_ignores(&p, "idle_gc_"));
}

static const struct {
	const char *text, *error;
} wrong[] = {
	{ "", "p.json:1: '[' or '{' expected near end of file" },
	{ "[]", "p.json:1: a policy is an object: {...}" },
	{ "{\n\"alpha\": 0.1,\n}", "p.json:3: string or '}' expected near '}'" },
	{ "{\n\n\"alhpa\": 0.1 }", "p.json:3: unknown key 'alhpa'" },
	{ "{\"alpha\": 1,\n\"alpha\": 1}", "p.json:2: duplicate object key near '\"alpha\"'" },
	{ "{\n\"alpha\": \"0.1\"}", "p.json:2: alpha must be a number" },
	{ "{\n\"alpha\":\n0}", "p.json:2: alpha is '0': it must be from 1e-09 to 0.5" },
	{ "{\"alpha\": 0.6}", "p.json:1: alpha is '0.6': it must be from 1e-09 to 0.5" },
	{ "{\"alpha\": -1}", "p.json:1: '-1' of alpha is no number" },
	{ "{\"min_share\": 1}",
	  "p.json:1: min_share must be a percentage as a string, such as \"5%\"" },
	{ "{\"min_share\": \"1\"}",
	  "p.json:1: '1' of min_share is no percentage: write it as \"5%\"" },
	{ "{\"min_share\": \" 1%\"}",
	  "p.json:1: ' 1%' of min_share is no percentage: write it as \"5%\"" },
	{ "{\"min_share\": \"0x1%\"}",
	  "p.json:1: '0x1%' of min_share is no percentage: write it as \"5%\"" },
	{ "{\"min_share\": \"nan%\"}",
	  "p.json:1: 'nan%' of min_share is no percentage: write it as \"5%\"" },
	{ "{\"min_share\": \"60%\"}",
	  "p.json:1: min_share is '60%': it must be from 0.01% to 50%" },
	{ "{\"strict\": 1}", "p.json:1: strict must be true or false" },
	{ "{\"seed\": 1.5}", "p.json:1: '1.5' of seed is no whole number" },
	{ "{\"seed\": -1}", "p.json:1: '-1' of seed is no whole number" },
	{ "{\"metrics\": []}", "p.json:1: metrics must be an object" },
	{ "{\"metrics\": {\n\"cpu\": 3}}", "p.json:2: cpu must be an object of floors" },
	{ "{\"metrics\": {\n\"a\": {\"total_floor\": \"1%\"},\n\"cpu\":\n{\"x\": 3}}}",
	  "p.json:4: unknown key 'x': floors are total_floor, relative_floor and absolute_floor" },
	{ "{\"metrics\": {\"a\":{},\n\"cpu\": {\"total_floor\": 3}}}",
	  "p.json:2: total_floor must be a percentage as a string, such as \"5%\"" },
	{ "{\"functions\": {\"f\": \"1%\",\n\"(\": \"1%\"}}",
	  "p.json:2: parsing functions regexp: '(': missing closing parenthesis at character 1" },
	{ "{\"functions\": {\"f\": {\n\"total_floor\": \"1%\"}}}",
	  "p.json:2: unknown key 'total_floor': floors are relative_floor and absolute_floor" },
	{ "{\"functions\": {\"\": \"1%\"}}", "p.json:1: an empty pattern in functions" },
	/* The same keys elsewhere, in values, behind escapes and in arrays do not mislead. */
	{ "{\"functions\": {\"x\\\"seed\": \"1%\"},\n\"ignore\": [\"seed\"],\n\"seed\": \"a\"}",
	  "p.json:3: seed must be a whole number" },
	{ "{\"ignore\": [\"a\", \"[b\"\n, \"c\",\n\"d(\"]}",
	  "p.json:1: parsing ignore regexp: '[b': missing terminating ] for character class at "
	  "character 2" },
	{ "{\"ignore\": [\"a\", \"b\"\n, \"c\",\n\"d(\"]}",
	  "p.json:3: parsing ignore regexp: 'd(': missing closing parenthesis at character 2" },
	{ "{\"ignore\": [\"a\",\n7]}", "p.json:2: a pattern must be a string" },
	{ "{\"functions\": {\"\\u0061\\u0028\":\n\"1%\"}}",
	  "p.json:1: parsing functions regexp: 'a(': missing closing parenthesis at character 2" },
};

static void test_wrong_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(gate_policy_deinit) struct gate_policy p;
		struct err e = { 0 };
		assert_int_equal(parse(&p, wrong[i].text, &e), -EINVAL);
		assert_string_equal(e.msg, wrong[i].error);
	}
}

static void test_load(void **state)
{
	(void)state;
	_cleanup_(gate_policy_deinit) struct gate_policy p;
	struct err e = { 0 };
	char path[] = "/tmp/gate_policy_XXXXXX";
	_cleanup_close_ int fd = mkstemp(path);
	gate_policy_init(&p);
	assert_int_equal(write(fd, "{\"strict\": true}", 16), 16);
	assert_int_equal(gate_policy_load(&p, path, &e), 0);
	assert_true(p.strict);
	unlink(path);
	assert_int_equal(gate_policy_load(&p, path, &e), -ENOENT);
}

static void test_options(void **state)
{
	(void)state;
	_cleanup_(gate_policy_deinit) struct gate_policy p;
	struct err e = { 0 };
	static const char *const good[][2] = {
		{ "metrics", "cpu,alloc_space=2%" },
		{ "functions", "^a=b=3%" },
		{ "functions", "^a=4%" },
		{ "ignore", "^gc" },
		{ "strict", "true" },
		{ "alpha", "0.05" },
		{ "absolute_floor", "0%" },
		{ "seed", "9223372036854775807" },
		{ "metrics", "alloc_space,delay" },
	};
	assert_int_equal(parse(&p, "{\"functions\": {\"^a\": \"9%\"}}", &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (gate_policy_set(&p, good[i][0], good[i][1], &e) < 0)
			fail_msg("%s", e.msg);
	assert_true(p.strict && p.alpha == 0.05 && p.floors.absolute == 0 && p.seed == INT64_MAX);
	/* The last list of metrics counts, what was said of one stays. */
	assert_int_equal(p.metrics.len, 3);
	assert_true(!p.metrics.items[0].judged && p.metrics.items[1].judged);
	assert_true(p.metrics.items[2].judged);
	assert_floors(gate_policy_metric_floors(&p, "alloc_space"), 0.02, 0.05, 0);
	/* Options are asked before the file, the last option first. */
	assert_floors(gate_policy_function_floors(&p, "cpu", "a=b", NULL), 0.01, 0.04, 0);
	assert_int_equal(p.functions.len, 3);
	static const char *const bad[][3] = {
		{ "alhpa", "1", "unknown key 'alhpa'" },
		{ "functions", "^a", "'^a' has no floor: write PATTERN=2%" },
		{ "functions", "^a=3",
		  "'3' of relative_floor is no percentage: write it as \"5%\"" },
		{ "metrics", "cpu,", "a metric without a name" },
		{ "strict", "yes", "'yes' of strict is neither true nor false" },
		{ "ignore", "", "an empty pattern in ignore" },
		{ "seed", "x", "'x' of seed is no whole number" },
		{ "seed", "9223372036854775808",
		  "seed is '9223372036854775808': it must be at most 9223372036854775807" },
		{ "seed", "36893488147419103232",
		  "seed is '36893488147419103232': it must be at most 9223372036854775807" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(gate_policy_set(&p, bad[i][0], bad[i][1], &e), -EINVAL);
		assert_string_equal(e.msg, bad[i][2]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_file),
		cmocka_unit_test(test_wrong_files),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
