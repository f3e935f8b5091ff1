// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "session/heap_weight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/cleanup.h"

/* Computed with 40 decimal digits. */
static const struct {
	uint64_t size, rate;
	double weight;
} cases[] = {
	{ 1, 2, 2.5414940825367984 },
	{ 8, 512 << 10, 65536.500001271561 },
	{ 64, 512 << 10, 8192.5000101725254 },
	{ 512 << 10, 512 << 10, 1.5819767068693265 },
	{ 1 << 20, 512 << 10, 1.1565176427496657 },
	{ 64 << 20, 512 << 10, 1 },
	{ 1, 1 << 30, 1073741824.5 },
	{ 100, 4096, 41.462034484997623 },
};

static void test_weights(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double weight = heap_weight(cases[i].size, cases[i].rate);
		if (fabs(weight / cases[i].weight - 1) > 1e-14)
			fail_msg("%lu bytes at rate %lu: %.17g", cases[i].size, cases[i].rate,
				 weight);
	}
}

/* Without a rounding error: counts at rate 1 are the calls. */
static void test_rate_1_takes_every_call(void **state)
{
	(void)state;
	for (uint64_t size = 0; size < 1000; size++)
		assert_true(heap_weight(size, 1) == 1.0);
}

static void test_an_allocation_of_nothing_is_a_byte(void **state)
{
	(void)state;
	assert_true(heap_weight(0, 4096) == heap_weight(1, 4096));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_rate_1_takes_every_call),
		cmocka_unit_test(test_an_allocation_of_nothing_is_a_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
