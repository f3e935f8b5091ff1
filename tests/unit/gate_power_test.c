// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* How often the gate is wrong, and how often it sees what is there: simulated runs of 2 s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gate_program.h"

/* program_deep, but each function varies by itself too. */
static struct program noisy_program(void)
{
	struct program p = program_deep;

	p.run_noise = 0.006;
	p.stack_noise = 0.01;
	return p;
}

static void count_outcomes(const struct program *base, const struct program *new, size_t trials,
			   size_t outcomes[GATE_REGRESSION + 1], const char *culprit, size_t *named)
{
	_cleanup_(gate_policy_deinit) struct gate_policy policy;

	gate_policy_init(&policy);
	for (size_t i = 0; i < trials; i++) {
		_cleanup_gate_verdict_ struct gate_verdict *v =
			program_judge(base, 10, new, 10, 1000 + i, &policy);
		outcomes[v->outcome]++;
		*named += strcmp(program_culprit(v), culprit) == 0;
	}
}

/* At a level of 0.002, of which regressions are half: 4 of 1,000 and more come in 2% of all seeds.
 */
static void test_false_alarms(void **state)
{
	(void)state;
	static const double noises[] = { 0.006, 0.06 };
	for (size_t i = 0; i < ARRAY_SIZE(noises); i++) {
		size_t outcomes[GATE_REGRESSION + 1] = { 0 }, named = 0;
		struct program quick = noisy_program();
		quick.run_noise = noises[i];
		quick.samples = 300;
		count_outcomes(&quick, &quick, 1000, outcomes, "", &named);
		assert_true(outcomes[GATE_REGRESSION] <= 4);
		assert_true(outcomes[GATE_REGRESSION] + outcomes[GATE_PASS] +
				    outcomes[GATE_INCONCLUSIVE] >=
			    980);
	}
}

/* Runs that vary as a whole do not hide which function is slower. */
static void test_uneven_runs(void **state)
{
	(void)state;
	size_t outcomes[GATE_REGRESSION + 1] = { 0 }, named = 0;
	struct program plain = noisy_program(), slower;
	plain.run_noise = 0.06;
	slower = plain;
	slower.stacks[0].weight = 24;
	count_outcomes(&plain, &slower, 60, outcomes, "lex", &named);
	assert_true(outcomes[GATE_REGRESSION] >= 58);
	assert_true(named >= 58);
}

/* A fifth of the time, 10% slower. */
static void test_slower(void **state)
{
	(void)state;
	size_t outcomes[GATE_REGRESSION + 1] = { 0 }, named = 0;
	struct program plain = noisy_program(), slower = plain;
	slower.stacks[0].weight = 22;
	count_outcomes(&plain, &slower, 60, outcomes, "lex", &named);
	assert_true(outcomes[GATE_REGRESSION] >= 59);
	assert_true(named >= 59);
}

/* Where noise hides the function, but not its caller or the total, it is named all the same. */
static void test_suspects(void **state)
{
	(void)state;
	static const struct {
		uint64_t seed;
		enum gate_state caller;
	} seeds[] = { { 1017, GATE_REGRESSED }, { 1043, GATE_SAME } };
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		struct program plain = noisy_program(), slower = plain;
		slower.stacks[0].weight = 22;
		_cleanup_gate_verdict_ struct gate_verdict *v =
			program_judge(&plain, 10, &slower, 10, seeds[i].seed, &policy);
		assert_int_equal(v->outcome, GATE_REGRESSION);
		assert_string_equal(program_culprit(v), "lex");
		assert_int_equal(program_row(v, "lex")->state, GATE_SUSPECT);
		assert_int_equal(program_row(v, "parse")->state, seeds[i].caller);
		/* It comes first, whatever else regressed. */
		assert_true(v->metrics.items[0].rows.items[0].culprit);
	}
}

/* Allocations are counted, not sampled, and the same in each run: 3% are seen at once. */
static void test_allocations(void **state)
{
	(void)state;
	size_t outcomes[GATE_REGRESSION + 1] = { 0 }, named = 0;
	struct program base = program_deep;
	base.run_noise = base.stack_noise = 0;
	base.exact = true;
	base.samples = 100000;
	base.type = "alloc_objects";
	base.unit = "count";
	struct program more = base;
	more.stacks[3].weight += 1.4;
	more.stacks[4].weight += 1.6;
	count_outcomes(&base, &more, 2, outcomes, "malloc", &named);
	/* Nor does it hide them that another callee of the same caller has less. */
	more.stacks[2].weight -= 0.2;
	more.stacks[5].weight -= 0.2;
	count_outcomes(&base, &more, 2, outcomes, "malloc", &named);
	assert_int_equal(outcomes[GATE_REGRESSION], 4);
	assert_int_equal(named, 4);
}

/* What one function gave to another of the same caller is no regression. */
static void test_moved(void **state)
{
	(void)state;
	size_t outcomes[GATE_REGRESSION + 1] = { 0 }, named = 0;
	struct program plain = noisy_program(), moved = plain;
	moved.stacks[0].weight = 14;
	moved.stacks[1].weight = 16;
	count_outcomes(&plain, &moved, 40, outcomes, "", &named);
	assert_int_equal(outcomes[GATE_REGRESSION], 0);
	assert_true(outcomes[GATE_MOVED] >= 39);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_false_alarms), cmocka_unit_test(test_uneven_runs),
		cmocka_unit_test(test_slower),       cmocka_unit_test(test_suspects),
		cmocka_unit_test(test_allocations),  cmocka_unit_test(test_moved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
