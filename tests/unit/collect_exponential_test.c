// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/log_table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static __u64 table[LOG_TABLE_SIZE];

/*
 * The probability that a gap is at most `size`, exactly: gaps fall as the random number grows, so
 * one search finds the first number that gives such a gap.
 */
static double probability(uint64_t size, uint64_t mean)
{
	uint64_t low = 0, high = UINT64_MAX; /* the answer is in (low, high] */

	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;
		if (exponential(middle, mean, table) <= size)
			high = middle;
		else
			low = middle;
	}
	return ldexp((double)(UINT64_MAX - high + 1), -64);
}

static void test_probabilities(void **state)
{
	static const uint64_t sizes[] = { 1,       8,       64,      500,      4096,
					  1 << 16, 1 << 19, 1 << 22, 64 << 20, 1ULL << 32 };
	static const uint64_t means[] = { 2, 100, 4096, 512 << 10, 16 << 20, 1 << 30 };

	(void)state;
	log_table_fill(table);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		for (size_t j = 0; j < sizeof(means) / sizeof(*means); j++) {
			double wanted = -expm1(-(double)sizes[i] / (double)means[j]);
			double got = probability(sizes[i], means[j]);
			if (fabs(got - wanted) > 2e-6 * wanted + ldexp(2, -LOG_FRACTION_BITS))
				fail_msg("size %lu, mean %lu: %.9g, wanted %.9g", sizes[i],
					 means[j], got, wanted);
		}
	}
}

/* A gap of n means has probability exp(-n): the extremes of the random numbers stay in range. */
static void test_extremes(void **state)
{
	(void)state;
	log_table_fill(table);
	assert_int_equal(exponential(UINT64_MAX, 512 << 10, table), 1);
	uint64_t longest = exponential(0, EXPONENTIAL_MEAN_MAX, table);
	double wanted = 64 * log(2) * (double)EXPONENTIAL_MEAN_MAX;
	assert_true(fabs((double)longest - wanted) < 1e-6 * wanted);
}

static void test_leading_zeros(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 64; i++) {
		assert_int_equal(leading_zeros(1ULL << i), 63 - i);
		assert_int_equal(leading_zeros((1ULL << i) | 1), 63 - i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probabilities),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_leading_zeros),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
