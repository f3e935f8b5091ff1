// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What a policy makes of a verdict: floors, patterns, levels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gate_program.h"

static const struct program slower = {
	{ { "main;parse", 33 }, { "main;eval", 40 }, { "main;print", 30 } }, PROGRAM_NOISE
};
static const struct program shifted = {
	{ { "main;parse", 36 }, { "main;eval", 34 }, { "main;print", 30 } }, PROGRAM_NOISE
};

/* Each function by 3% only, which is below its floor; together past the total's. */
static const struct program all_lighter = {
	{ { "main;parse", 29.1 }, { "main;eval", 38.8 }, { "main;print", 29.1 } }, PROGRAM_NOISE
};
static const struct program all_heavier = {
	{ { "main;parse", 30.9 }, { "main;eval", 41.2 }, { "main;print", 30.9 } }, PROGRAM_NOISE
};

static void test_policies(void **state)
{
	(void)state;
	static const struct {
		const struct program *new;
		const char *key, *value;
		enum gate_outcome outcome;
		const char *culprit;
	} policies[] = {
		{ &slower, "strict", "false", GATE_REGRESSION, "parse" },
		{ &slower, "ignore", "^parse$", GATE_REGRESSION, "" },
		{ &slower, "total_floor", "5%", GATE_MOVED, "" },
		{ &slower, "metrics", "cpu=5%", GATE_MOVED, "" },
		{ &slower, "relative_floor", "20%", GATE_REGRESSION, "parse" },
		{ &shifted, "strict", "false", GATE_MOVED, "" },
		{ &shifted, "strict", "true", GATE_REGRESSION, "parse" },
		{ &shifted, "ignore", "^parse$", GATE_MOVED, "" },
		{ &shifted, "relative_floor", "30%", GATE_PASS, "" },
		{ &shifted, "absolute_floor", "7%", GATE_PASS, "" },
		{ &shifted, "functions", "parse=10%", GATE_REGRESSION, "parse" },
		{ &shifted, "functions", "parse=40%", GATE_MOVED, "" },
		{ &program_flat, "functions", "parse=0.1%", GATE_PASS, "" },
		{ &all_lighter, "strict", "false", GATE_IMPROVED, "" },
		{ &all_lighter, "total_floor", "4%", GATE_PASS, "" },
		{ &all_heavier, "total_floor", "4%", GATE_PASS, "" },
		{ &program_flat, "strict", "true", GATE_PASS, "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		_cleanup_(gate_policy_deinit) struct gate_policy policy;
		gate_policy_init(&policy);
		assert_int_equal(gate_policy_set(&policy, policies[i].key, policies[i].value, NULL),
				 0);
		_cleanup_gate_verdict_ struct gate_verdict *v =
			program_judge(&program_flat, 10, policies[i].new, 10, 3, &policy);
		if (v->outcome != policies[i].outcome ||
		    strcmp(program_culprit(v), policies[i].culprit) != 0)
			fail_msg("case %zu, %s=%s: %s, culprit '%s'", i, policies[i].key,
				 policies[i].value, gate_outcome_name(v->outcome),
				 program_culprit(v));
	}
}

/* Nobody is the culprit of what everybody did. */
static void test_all_heavier(void **state)
{
	(void)state;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&program_flat, 10, &all_heavier, 10, 3, &policy);
	assert_int_equal(v->outcome, GATE_REGRESSION);
	assert_int_equal(v->metrics.items[0].total_state, GATE_REGRESSED);
	assert_string_equal(program_culprit(v), "");
	vec_for_each(row, &v->metrics.items[0].rows)
		assert_int_equal(row->state, GATE_SAME);
}

/* One that is most of a program cannot rise much more than the total: it is named all the same. */
static void test_most_of_it_heavier(void **state)
{
	(void)state;
	struct program light = {
		{ { "main;parse", 90 }, { "main;eval", 10 } },
		.samples = 6000,
		.exact = true,
		.type = "alloc_objects",
		.unit = "count",
	};
	struct program heavy = light;
	heavy.stacks[0].weight = 93;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&light, 10, &heavy, 10, 3, &policy);
	assert_int_equal(v->outcome, GATE_REGRESSION);
	assert_string_equal(program_culprit(v), "parse");
	assert_int_equal(program_row(v, "parse")->state, GATE_SUSPECT);
}

/* Metrics share alpha. */
static void test_metrics_share_alpha(void **state)
{
	(void)state;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	assert_int_equal(gate_policy_set(&policy, "metrics", "cpu,samples", NULL), 0);
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&program_flat, 10, &slower, 10, 1, &policy);
	assert_int_equal(v->metrics.len, 2);
	assert_true(v->metrics.items[0].alpha == 0.001 && v->metrics.items[1].alpha == 0.001);
	assert_string_equal(v->metrics.items[1].unit, "count");
	assert_int_equal(v->outcome, GATE_REGRESSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_all_heavier),
		cmocka_unit_test(test_most_of_it_heavier),
		cmocka_unit_test(test_metrics_share_alpha),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
