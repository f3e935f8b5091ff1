// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Looking early, checking the gate on its own runs, and planning how many it takes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gate/looks.h"
#include "gate_program.h"

/* 2 / C(16, 8) = 0.000155 and 2 / C(14, 7) = 0.00058 are what 8 and 7 runs a side can reach. */
static void test_plans(void **state)
{
	(void)state;
	static const struct {
		size_t runs;
		double alpha;
		size_t metrics;
		struct gate_plan plan;
	} plans[] = {
		{ 8, 0.002, 1, { 0 } },
		{ 9, 0.002, 1, { 1, { 8 }, { 0.0005 }, 0.0005 } },
		{ 10, 0.002, 1, { 1, { 8 }, { 0.0005 }, 0.0005 } },
		{ 20, 0.002, 1, { 1, { 10 }, { 0.0005 }, 0.0005 } },
		{ 24, 0.002, 1, { 2, { 8, 16 }, { 0.00025, 0.00025 }, 0.0005 } },
		{ 30, 0.002, 1, { 2, { 10, 20 }, { 0.00025, 0.00025 }, 0.0005 } },
		/* A level for each of four metrics takes 9 runs: 2 / C(18, 9) = 0.000041. */
		{ 9, 0.002, 4, { 0 } },
		{ 10, 0.002, 4, { 1, { 9 }, { 0.0005 }, 0.0005 } },
		{ 7, 0.05, 1, { 1, { 5 }, { 0.0125 }, 0.0125 } },
		{ 1, 0.002, 1, { 0 } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		struct gate_plan plan;
		const struct gate_plan *expected = &plans[i].plan;
		gate_plan_init(&plan, plans[i].runs, plans[i].alpha, plans[i].metrics);
		assert_int_equal(plan.count, expected->count);
		assert_true(fabs(plan.spent - expected->spent) < 1e-12);
		for (size_t k = 0; k < plan.count; k++) {
			assert_int_equal(plan.runs[k], expected->runs[k]);
			assert_true(fabs(plan.alpha[k] - expected->alpha[k]) < 1e-12);
		}
	}
}

static void test_looks(void **state)
{
	(void)state;
	static const struct {
		const struct program *new;
		size_t runs;
		double alpha;
		bool regressed;
	} looks[] = {
		{ &program_slower, 8, 0.0005, true },
		{ &program_slower, 8, 0.0001, false }, /* less than 8 runs can reach */
		{ &program_slower, 8, 0, false },
		{ &program_slower, 6, 0.0005, false },
		{ &program_flat, 8, 0.0005, false },
	};
	struct err e = { 0 };
	struct gate_look look;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		_cleanup_gate_runs_ struct gate_runs *runs = program_runs(
			&program_flat, looks[i].runs, looks[i].new, looks[i].runs, 3, &policy);
		assert_int_equal(gate_look(runs, &policy, "cpu", looks[i].alpha, &look, &e), 0);
		assert_int_equal(look.base_runs, looks[i].runs);
		assert_int_equal(look.new_runs, looks[i].runs);
		assert_true(look.regressed == looks[i].regressed);
		double ratio = looks[i].new == &program_slower ? 1.06 : 1;
		assert_true(fabs(look.ratio - ratio) < 0.01);
		assert_true(look.low < look.ratio && look.ratio < look.high);
		assert_true(look.p >= 2.0 / 12871);
	}
	/* What improved does not end the runs, and nothing is known of one side alone. */
	_cleanup_gate_runs_ struct gate_runs *better =
		program_runs(&program_slower, 8, &program_flat, 8, 3, &policy);
	assert_int_equal(gate_look(better, &policy, "cpu", 0.01, &look, &e), 0);
	assert_true(look.p < 0.001 && !look.regressed);
	assert_int_equal(gate_look(better, &policy, "delay", 0.01, &look, &e), -ENOENT);
	assert_string_equal(e.msg, "no runs of delay on both sides yet");
	/* Nor does a rise below the floor. */
	assert_int_equal(gate_policy_set(&policy, "metrics", "cpu=10%", &e), 0);
	_cleanup_gate_runs_ struct gate_runs *little =
		program_runs(&program_flat, 8, &program_slower, 8, 3, &policy);
	assert_int_equal(gate_look(little, &policy, "cpu", 0.01, &look, &e), 0);
	assert_true(look.p < 0.001 && !look.regressed);
}

/* What looks have spent is not there for the last test. */
static void test_alpha_spent(void **state)
{
	(void)state;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	policy.alpha = 0.0002;
	for (int spent = 0; spent < 2; spent++) {
		policy.alpha_spent = spent ? 0.00005 : 0;
		_cleanup_gate_verdict_ struct gate_verdict *v =
			program_judge(&program_flat, 8, &program_slower, 8, 3, &policy);
		/* p = 0.000155: below 0.0002, not below 0.00015. */
		assert_int_equal(v->metrics.items[0].total_state,
				 spent ? GATE_SAME : GATE_REGRESSED);
	}
}

static void test_selfcheck(void **state)
{
	(void)state;
	struct err e = { 0 };
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	_cleanup_gate_runs_ struct gate_runs *runs =
		program_runs(&program_flat, 10, &program_flat, 10, 1, &policy);
	struct gate_verdict *v;
	assert_int_equal(gate_judge(runs, &policy, &v, &e), 0);
	assert_int_equal(v->metrics.items[0].self.trials, 0);
	assert_int_equal(gate_selfcheck(runs, &policy, 200, v, &e), 0);
	const struct gate_self *self = &v->metrics.items[0].self;
	assert_int_equal(self->trials, 200);
	assert_int_equal(self->false_alarms, 0);
	/* None of 200: 1 - 0.05^(1/200), by scipy 0.014867. */
	assert_true(fabs(self->rate_high - 0.014867) < 1e-6);
	gate_verdict_destroy(v);
	/* A gate of a level of 40% without floors is wrong as often as it may be, not more. */
	policy.alpha = 0.4;
	policy.floors = (struct gate_floors){ 0, 0, 0 };
	assert_int_equal(gate_judge(runs, &policy, &v, &e), 0);
	assert_int_equal(gate_selfcheck(runs, &policy, 500, v, &e), 0);
	self = &v->metrics.items[0].self;
	assert_true(self->false_alarms > 50 && self->false_alarms <= 200);
	assert_true(self->rate_high > self->false_alarms / 500.0);
	gate_verdict_destroy(v);
}

/* Runs of which every other has 5% more or less than 4,000 samples. */
static struct gate_runs *varying_runs(double samples, const struct gate_policy *policy)
{
	struct gate_runs *runs = gate_runs_create();
	struct prng rng;

	prng_init(&rng, 1);
	for (int i = 0; i < 20; i++) {
		struct program p = program_flat;
		p.run_noise = p.stack_noise = 0;
		p.samples = 4000 + (i / 2 % 2 ? samples : -samples);
		program_add(runs, i % 2, &p, i + 1, &(struct gate_facts){ 0 }, policy, &rng);
	}
	return runs;
}

static void test_power(void **state)
{
	(void)state;
	static const struct {
		double samples, rise;
		size_t runs;
	} powers[] = {
		/* A variation of sqrt(20 0.05^2 / 18) = 5.27%; runs by scipy's nct. */
		{ 200, 0.05, 45 },
		{ 200, 0.1, 14 },
		{ 200, 0.002, 0 },
		/* None: the fewest that can reach the level see anything. */
		{ 0, 0.001, 7 },
	};
	struct err e = { 0 };
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	for (size_t i = 0; i < ARRAY_SIZE(powers); i++) {
		_cleanup_gate_runs_ struct gate_runs *runs =
			varying_runs(powers[i].samples, &policy);
		_cleanup_gate_verdict_ struct gate_verdict *v = NULL;
		assert_int_equal(gate_judge(runs, &policy, &v, &e), 0);
		const struct gate_metric *m = &v->metrics.items[0];
		assert_true(m->power_rise == 0);
		assert_int_equal(gate_power(runs, &policy, powers[i].rise, v, &e), 0);
		assert_true(m->power_rise == powers[i].rise);
		assert_int_equal(m->power_runs, powers[i].runs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans),       cmocka_unit_test(test_looks),
		cmocka_unit_test(test_alpha_spent), cmocka_unit_test(test_selfcheck),
		cmocka_unit_test(test_power),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
