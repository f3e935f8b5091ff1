// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/gate_progress.h"

static void test_estimate(void **state)
{
	(void)state;
	static const struct {
		struct gate_look look;
		const char *text;
	} cases[] = {
		{ { .ratio = 1.0123, .low = 0.996, .high = 1.029 }, "cpu +1.2% [-0.4%, +2.9%]" },
		{ { .ratio = 0.5, .low = NAN, .high = NAN }, "cpu -50.0%" },
		{ { .ratio = 2, .low = 1.5, .high = INFINITY }, "cpu +100.0%" },
		{ { .ratio = INFINITY, .low = NAN, .high = NAN }, "cpu ?" },
		{ { .ratio = NAN, .low = NAN, .high = NAN }, "cpu ?" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_deinit) struct buf text = { 0 };

		assert_int_equal(gate_progress_estimate("cpu", &cases[i].look, &text), 0);
		assert_string_equal(text.data, cases[i].text);
	}
}

/* Before anything was measured there is nothing to estimate. */
static void test_line_without_runs(void **state)
{
	(void)state;
	static const struct {
		struct gate_progress p;
		const char *text;
	} cases[] = {
		{ { .rounds = 10 }, "0 of 10 rounds, Ctrl-C ends" },
		{ { .round = 4, .rounds = 10, .left_ns = 34 * NS_PER_SEC },
		  "4 of 10 rounds | 34 s left, Ctrl-C ends" },
	};
	struct gate_runs *runs = gate_runs_create();
	struct gate_policy policy;

	assert_non_null(runs);
	gate_policy_init(&policy);
	assert_int_equal(gate_policy_set(&policy, "metrics", "cpu", NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_deinit) struct buf text = { 0 };

		assert_int_equal(gate_progress_format(&cases[i].p, runs, &policy, &text), 0);
		assert_string_equal(text.data, cases[i].text);
	}
	gate_policy_deinit(&policy);
	gate_runs_destroy(runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_estimate),
		cmocka_unit_test(test_line_without_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
