// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Runs that something else on the machine slowed down, and what is far from most. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gate_program.h"
#include "stats/far.h"

#define NOISE .run_noise = 0.02, .stack_noise = 0.005

static const struct program plain = {
	{ { "main;parse", 30 }, { "main;eval", 40 }, { "main;print", 30 } }, NOISE
};
static const struct program slower = {
	{ { "main;parse", 33 }, { "main;eval", 44 }, { "main;print", 33 } }, NOISE
};

/* The numbers of a side's runs that took twice as long. */
struct far_runs {
	size_t numbers[8];
	size_t count;
};

static struct gate_verdict *judge(const struct program *base, const struct program *new,
				  size_t count, const struct far_runs far[2], uint64_t seed)
{
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	_cleanup_gate_runs_ struct gate_runs *runs = gate_runs_create();
	struct gate_verdict *v;
	struct err e = { 0 };
	struct prng rng;

	gate_policy_init(&policy);
	prng_init(&rng, seed);
	for (size_t i = 0; i < 2 * count; i++) {
		enum gate_side side = i % 2 ? GATE_NEW : GATE_BASE;
		struct program run = side == GATE_NEW ? *new : *base;
		char source[40];
		struct gate_facts facts = { .source = source };
		for (size_t k = 0; k < far[side].count; k++)
			for (size_t s = 0; far[side].numbers[k] == i / 2 && run.stacks[s].stack;
			     s++)
				run.stacks[s].weight *= 2;
		snprintf(source, sizeof(source), "runs/%s-%zu.pb.gz",
			 side == GATE_NEW ? "new" : "base", i / 2);
		program_add(runs, side, &run, 1000 + (int64_t)i, &facts, &policy, &rng);
	}
	if (gate_judge(runs, &policy, &v, &e) < 0)
		fail_msg("%s", e.msg);
	return v;
}

static const char *note_of(const struct gate_verdict *v, const char *words)
{
	vec_for_each(note, &v->metrics.items[0].notes)
		if (strstr(*note, words))
			return *note;
	return NULL;
}

/* Without them the others are what they were, and there is a verdict. */
static void test_set_aside(void **state)
{
	(void)state;
	const struct far_runs none[2] = { 0 };
	const struct far_runs some[2] = { { { 3, 7 }, 2 }, { { 0 }, 1 } };
	_cleanup_gate_verdict_ struct gate_verdict *calm = judge(&plain, &plain, 10, none, 7);
	_cleanup_gate_verdict_ struct gate_verdict *v = judge(&plain, &plain, 10, some, 7);
	const struct gate_metric *m = &v->metrics.items[0];

	assert_null(note_of(calm, "set aside"));
	assert_int_equal(calm->metrics.items[0].base_aside, 0);
	assert_int_equal(v->outcome, GATE_PASS);
	assert_int_equal(m->base_runs, 10);
	assert_int_equal(m->base_aside, 2);
	assert_int_equal(m->new_aside, 1);
	assert_true(m->visible < 0.08);
	assert_true(fabs(m->total.base / calm->metrics.items[0].total.base - 1) < 0.03);
	const char *note = note_of(v, "set aside");
	assert_non_null(note);
	assert_non_null(strstr(note, "3 of 20 runs set aside, far from the others: base-"));
	assert_non_null(strstr(note, "new-0.pb.gz (4."));
}

/* A rise that they would hide is seen. */
static void test_rises_are_seen(void **state)
{
	(void)state;
	const struct far_runs some[2] = { { { 2, 5 }, 2 }, { { 9 }, 1 } };
	size_t seen = 0;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		_cleanup_gate_verdict_ struct gate_verdict *v =
			judge(&plain, &slower, 10, some, seed);
		seen += v->outcome == GATE_REGRESSION;
	}
	assert_true(seen >= 19);
}

/* More than a fifth are no exceptions. */
static void test_many_stay(void **state)
{
	(void)state;
	const struct far_runs many[2] = { { { 1, 4, 7 }, 3 }, { { 0, 8 }, 2 } };
	_cleanup_gate_verdict_ struct gate_verdict *v = judge(&plain, &plain, 10, many, 3);

	assert_int_equal(v->outcome, GATE_INCONCLUSIVE);
	assert_int_equal(v->metrics.items[0].base_aside, 0);
	assert_null(note_of(v, "set aside"));
	assert_int_equal(v->metrics.items[0].reasons.items[0].kind, GATE_RESOLUTION);
}

/* Six of one side are not chance: that may be the change. */
static void test_one_sided(void **state)
{
	(void)state;
	const struct far_runs new[2] = { { { 0 }, 0 }, { { 1, 4, 7, 10, 12, 13 }, 6 } };
	const struct far_runs both[2] = { { { 2, 6, 11 }, 3 }, { { 1, 4, 7 }, 3 } };
	_cleanup_gate_verdict_ struct gate_verdict *v = judge(&plain, &plain, 16, new, 5);
	_cleanup_gate_verdict_ struct gate_verdict *even = judge(&plain, &plain, 16, both, 5);
	const struct gate_metric *m = &v->metrics.items[0];

	assert_int_equal(v->outcome, GATE_INCONCLUSIVE);
	assert_int_equal(m->reasons.len, 1);
	assert_int_equal(m->reasons.items[0].kind, GATE_FAR_RUNS);
	assert_string_equal(gate_reason_name(GATE_FAR_RUNS), "far_runs");
	assert_string_equal(m->reasons.items[0].text,
			    "of the runs set aside 0 are of the base side and 6 of the new: find "
			    "what slows some runs of one");
	const char *note = note_of(v, "set aside");
	assert_non_null(strstr(note, " and 3 more"));
	assert_int_equal(even->outcome, GATE_PASS);
	/* A regression that the others show is one all the same. */
	_cleanup_gate_verdict_ struct gate_verdict *worse = judge(&plain, &slower, 16, new, 5);
	assert_int_equal(worse->outcome, GATE_REGRESSION);
}

/* Counted values are no less sure for being far. */
static void test_counted(void **state)
{
	(void)state;
	const struct far_runs some[2] = { { { 3 }, 1 }, { { 0 }, 0 } };
	struct program counted = plain;
	counted.exact = true;
	counted.type = "alloc_space";
	counted.unit = "bytes";
	_cleanup_gate_verdict_ struct gate_verdict *v = judge(&counted, &counted, 10, some, 2);

	assert_int_equal(v->metrics.items[0].base_aside, 0);
	assert_null(note_of(v, "set aside"));
}

/* False alarms are as rare as without such runs. */
static void test_false_alarms(void **state)
{
	(void)state;
	size_t alarms = 0, passes = 0;
	struct program quick = plain;
	struct prng rng;

	quick.samples = 300;
	prng_init(&rng, 11);
	for (uint64_t seed = 1; seed <= 600; seed++) {
		struct far_runs far[2] = { 0 };
		for (size_t i = 0; i < 20; i++)
			if (prng_unit(&rng) < 0.07 && far[i % 2].count < 8)
				far[i % 2].numbers[far[i % 2].count++] = i / 2;
		_cleanup_gate_verdict_ struct gate_verdict *v =
			judge(&quick, &quick, 10, far, 5000 + seed);
		alarms += v->outcome == GATE_REGRESSION;
		passes += v->outcome == GATE_PASS;
	}
	assert_true(alarms <= 3);
	assert_true(passes >= 400);
}

static void test_far_values(void **state)
{
	(void)state;
	/* Of 1 to 9 and x the median is 5.5 and the MAD 2.5: far is what is 12.97 away. */
	double values[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 18.4 };
	bool far[10];
	size_t count;
	struct err e = { 0 };

	assert_int_equal(far_find(values, 10, far, &count, &e), 0);
	assert_int_equal(count, 0);
	values[9] = 18.5;
	assert_int_equal(far_find(values, 10, far, &count, &e), 0);
	assert_int_equal(count, 1);
	assert_true(far[9] && !far[0]);
	values[0] = -7.5;
	assert_int_equal(far_find(values, 10, far, &count, &e), 0);
	assert_int_equal(count, 2);
	assert_true(far[0] && far[9]);
	/* Most are equal: it is not known how they vary. */
	const double equal[] = { 3, 3, 3, 3, 9 };
	assert_int_equal(far_find(equal, 5, far, &count, &e), 0);
	assert_int_equal(count, 0);
	assert_int_equal(far_find(equal, 0, far, &count, &e), 0);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_aside),  cmocka_unit_test(test_rises_are_seen),
		cmocka_unit_test(test_many_stay),  cmocka_unit_test(test_one_sided),
		cmocka_unit_test(test_counted),    cmocka_unit_test(test_false_alarms),
		cmocka_unit_test(test_far_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
