// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/heap_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A target that uses a whole CPU; probing allocations takes `alloc` of it, frees `free`. */
static struct heap_guard run(double limit, double alloc, double free, int windows)
{
	struct heap_guard g;

	heap_guard_init(&g, limit, 42);
	for (int i = 0; i < windows; i++) {
		struct heap_guard_window w = { 1e9, g.on ? alloc * 1e9 : 0, free * 1e9 };
		heap_guard_next(&g, &w);
	}
	return g;
}

static void test_no_bound_probes_always(void **state)
{
	(void)state;
	struct heap_guard g = run(0, 0.5, 0.4, 100);
	assert_int_equal(g.windows_on, 100);
	assert_false(g.ended);
}

static void test_within_the_bound_nothing_is_left_out(void **state)
{
	(void)state;
	struct heap_guard g = run(0.10, 0.05, 0.04, 100);
	assert_int_equal(g.windows_on, 100);
	assert_int_equal(g.skip, 0);
}

/* 40% for allocations, 2% for frees, 13% allowed: one window in four keeps to it. */
static void test_windows_are_left_out(void **state)
{
	(void)state;
	struct heap_guard g = run(0.13, 0.40, 0.02, 40000);
	assert_int_equal(g.skip, 2);
	assert_false(g.ended);
	/* 10,000 expected, with a standard deviation of 87. */
	assert_in_range(g.windows_on, 10000 - 390, 10000 + 390);
}

static void test_frees_alone_end_it(void **state)
{
	(void)state;
	struct heap_guard g = run(0.05, 0.01, 0.06, 3);
	assert_true(g.ended);
	assert_false(g.on);
	assert_int_equal(g.windows_on, 1);
}

/* An idle window says nothing: the decision of busy ones stays. */
static void test_idle_windows_change_nothing(void **state)
{
	(void)state;
	struct heap_guard g = run(0.13, 0.40, 0.02, 10);
	struct heap_guard_window idle = { 1e6, 1e6, 1e6 };

	heap_guard_next(&g, &idle);
	assert_int_equal(g.skip, 2);
	assert_false(g.ended);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_bound_probes_always),
		cmocka_unit_test(test_within_the_bound_nothing_is_left_out),
		cmocka_unit_test(test_windows_are_left_out),
		cmocka_unit_test(test_frees_alone_end_it),
		cmocka_unit_test(test_idle_windows_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
