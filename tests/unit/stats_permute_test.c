// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The permutation test against counting every split, and the random numbers it draws. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "stats/permute.h"

static double test_p(const double *values, size_t x_len, size_t y_len, uint64_t seed)
{
	struct prng rng;
	struct err e = { 0 };
	double p;

	prng_init(&rng, seed);
	assert_int_equal(permute_tests(values, 1, x_len, y_len, 0.002, &rng, &p, &e), 0);
	return p;
}

/* p by going through all 2^n sets of small integers. */
static double counted_p(const double *values, size_t x_len, size_t y_len)
{
	size_t n = x_len + y_len, all = 0, above = 0, below = 0;
	long observed = 0;

	for (size_t i = 0; i < x_len; i++)
		observed += (long)values[i];
	for (uint32_t set = 0; set < 1U << n; set++) {
		if ((size_t)__builtin_popcount(set) != x_len)
			continue;
		long sum = 0;
		for (size_t i = 0; i < n; i++)
			sum += set >> i & 1 ? (long)values[i] : 0;
		all++;
		above += sum >= observed;
		below += sum <= observed;
	}
	return fmin(1, 2.0 * (double)(above < below ? above : below) / (double)all);
}

/* Many ties, no ties, unequal sides, and sums that only integers keep equal (thirds). */
static void test_every_split(void **state)
{
	(void)state;
	static const struct {
		size_t x_len, y_len;
		uint64_t range;
	} shapes[] = { { 1, 1, 5 }, { 1, 8, 9 },    { 3, 3, 4 },       { 5, 2, 100 },
		       { 6, 6, 3 }, { 7, 4, 1000 }, { 8, 8, 1 << 20 }, { 9, 7, 6 } };
	struct prng rng;
	prng_init(&rng, 7);
	for (size_t i = 0; i < 40 * ARRAY_SIZE(shapes); i++) {
		__typeof__(&shapes[0]) s = &shapes[i % ARRAY_SIZE(shapes)];
		double values[16], thirds[16];
		for (size_t k = 0; k < s->x_len + s->y_len; k++) {
			values[k] = (double)prng_below(&rng, s->range);
			thirds[k] = values[k] / 3 * 1e-9;
		}
		double p = counted_p(values, s->x_len, s->y_len);
		assert_true(fabs(test_p(values, s->x_len, s->y_len, 1) - p) < 1e-12);
		assert_true(fabs(test_p(thirds, s->x_len, s->y_len, 1) - p) < 1e-12);
	}
}

/* What issue trackers quote of permutation tests: 3+3 cannot reach 0.05, 8+8 reach 0.00015. */
static void test_smallest_p(void **state)
{
	(void)state;
	static const struct {
		size_t x_len, y_len;
		double p;
	} cases[] = {
		{ 1, 1, 1 },          { 3, 3, 0.1 },
		{ 6, 6, 2 / 924.0 },  { 7, 7, 2 / 3432.0 },
		{ 8, 8, 1 / 6435.0 }, { 10, 10, 2 / 184756.0 },
		{ 1, 30, 2 / 31.0 },  { 16, 16, 2 / 601080390.0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double values[32], p = permute_smallest_p(cases[i].x_len, cases[i].y_len);
		assert_true(fabs(p / cases[i].p - 1) < 1e-12);
		/* It is reached where the sides do not overlap. */
		for (size_t k = 0; k < cases[i].x_len + cases[i].y_len; k++)
			values[k] = k < cases[i].x_len ? 1 : 2 + (double)k;
		assert_true(fabs(test_p(values, cases[i].x_len, cases[i].y_len, 1) / p - 1) < 1e-9);
	}
	assert_true(permute_smallest_p(0, 9) == 1 && permute_smallest_p(600, 600) == 0);
	assert_int_equal(permute_runs_needed(1), 1);
	assert_int_equal(permute_runs_needed(0.05), 4);
	assert_int_equal(permute_runs_needed(0.002), 7);
	assert_int_equal(permute_runs_needed(0.0002), 8);
	assert_int_equal(permute_runs_needed(1e-20), 36);
}

static double log_choose(double n, double k)
{
	return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* Random splits of values 0 and 1 follow the hypergeometric distribution. */
static void test_random_splits(void **state)
{
	(void)state;
	static const struct {
		size_t n, x_ones, y_ones;
	} cases[] = { { 20, 10, 10 }, { 20, 5, 12 }, { 30, 16, 3 }, { 40, 2, 14 }, { 25, 25, 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = cases[i].n, ones = cases[i].x_ones + cases[i].y_ones;
		double values[80] = { 0 }, above = 0, below = 0;
		for (size_t k = 0; k < cases[i].x_ones; k++)
			values[k] = 1;
		for (size_t k = 0; k < cases[i].y_ones; k++)
			values[n + k] = 1;
		for (size_t k = ones > n ? ones - n : 0; k <= ones && k <= n; k++) {
			double part =
				exp(log_choose((double)ones, (double)k) +
				    log_choose(2.0 * (double)n - (double)ones, (double)(n - k)) -
				    log_choose(2.0 * (double)n, (double)n));
			above += k >= cases[i].x_ones ? part : 0;
			below += k <= cases[i].x_ones ? part : 0;
		}
		double expected = fmin(1, 2 * fmin(above, below));
		double p = test_p(values, n, n, 3 + i);
		/* Four standard deviations of the draws made, or nothing that small was drawn. */
		double hits = fmin(PERMUTE_HITS, expected / 2 * PERMUTE_DRAWS_MIN);
		if (hits > 1)
			assert_true(fabs(p / expected - 1) < 4 / sqrt(hits));
		else
			assert_true(p <= 12.0 / PERMUTE_DRAWS_MIN);
		assert_true(p == test_p(values, n, n, 3 + i));
		assert_true(p > 0 && p <= 1);
	}
}

/* Rows are tests of their own, whatever their neighbours are. */
static void test_rows(void **state)
{
	(void)state;
	double values[3][40], p[3], alone;
	struct prng rng;
	struct err e = { 0 };
	prng_init(&rng, 5);
	for (size_t k = 0; k < 40; k++) {
		values[0][k] = prng_normal(&rng);
		values[1][k] = prng_normal(&rng) + (k < 20 ? 0 : 4);
		values[2][k] = 42;
	}
	prng_init(&rng, 9);
	assert_int_equal(permute_tests(values[0], 3, 20, 20, 1e-4, &rng, p, &e), 0);
	assert_true(p[0] > 0.01 && p[1] < 1e-4 && p[2] == 1);
	prng_init(&rng, 9);
	assert_int_equal(permute_tests(values[1], 1, 20, 20, 1e-4, &rng, &alone, &e), 0);
	assert_true(alone == p[1]);
	assert_int_equal(permute_tests(values[0], 1, 0, 5, 1e-4, &rng, p, &e), -EINVAL);
	assert_string_equal(e.msg, "nothing to compare on one side");
}

/* If nothing differs, p is at most alpha in a share alpha of the cases. */
static void test_level(void **state)
{
	(void)state;
	enum { TRIALS = 4000 };
	size_t low[2] = { 0 };
	struct prng rng;
	prng_init(&rng, 11);
	for (size_t i = 0; i < TRIALS; i++) {
		double values[16];
		for (size_t k = 0; k < 16; k++)
			values[k] = exp(prng_normal(&rng));
		double p = test_p(values, 8, 8, 1);
		low[0] += p <= 0.05;
		low[1] += p <= 0.01;
	}
	/* Four standard deviations. */
	assert_true(fabs((double)low[0] - TRIALS * 0.05) < 4 * sqrt(TRIALS * 0.05 * 0.95));
	assert_true(fabs((double)low[1] - TRIALS * 0.01) < 4 * sqrt(TRIALS * 0.01 * 0.99));
}

/* The authors' generators: xoshiro256** from the state 1, 2, 3, 4; SplitMix64 from 1234567. */
static void test_generator(void **state)
{
	(void)state;
	static const uint64_t expected[] = { 11520, 0, 1509978240, 1215971899390074240ULL };
	struct prng r = { { 1, 2, 3, 4 } };
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_true(prng_next(&r) == expected[i]);
	prng_init(&r, 1234567);
	assert_true(r.state[0] == 6457827717110365317ULL && r.state[1] == 3203168211198807973ULL);
	assert_true(prng_below(&r, 0) == 0 && prng_below(&r, 1) == 0);
}

static void test_uniform(void **state)
{
	(void)state;
	enum { DRAWS = 60000, FACES = 6 };
	size_t faces[FACES] = { 0 }, firsts[3] = { 0 };
	double sum = 0, squares = 0;
	struct prng r;
	prng_init(&r, 2);
	for (size_t i = 0; i < DRAWS; i++) {
		uint32_t items[3] = { 0, 1, 2 };
		double z = prng_normal(&r), u = prng_unit(&r);
		faces[prng_below(&r, FACES)]++;
		prng_shuffle(&r, items, 3);
		firsts[items[0]]++;
		assert_int_equal(items[0] + items[1] + items[2], 3);
		assert_true(u > 0 && u < 1);
		sum += z;
		squares += z * z;
	}
	for (size_t i = 0; i < FACES; i++)
		assert_true(labs((long)faces[i] - DRAWS / FACES) < 4 * sqrt(DRAWS / FACES));
	for (size_t i = 0; i < 3; i++)
		assert_true(labs((long)firsts[i] - DRAWS / 3) < 4 * sqrt(DRAWS / 3));
	assert_true(fabs(sum) < 4 * sqrt(DRAWS) && fabs(squares / DRAWS - 1) < 0.03);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split),   cmocka_unit_test(test_smallest_p),
		cmocka_unit_test(test_random_splits), cmocka_unit_test(test_rows),
		cmocka_unit_test(test_level),         cmocka_unit_test(test_generator),
		cmocka_unit_test(test_uniform),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
