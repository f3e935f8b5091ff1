// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The statistics against scipy's values (tools/stats_scipy) and tables of the literature. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "stats/counts.h"
#include "stats/multiple.h"
#include "stats/normal.h"
#include "stats/permute.h"
#include "stats/power.h"
#include "stats/proportion.h"
#include "stats/ratio.h"
#include "stats/trend.h"
#include "stats_scipy.h"

/* Equal within a relative difference; also if both are infinite. */
static void assert_near(double value, double expected, double tolerance)
{
	if (value == expected || (isnan(value) && isnan(expected)))
		return;
	if (!(fabs(value - expected) <= tolerance * fmax(fabs(expected), 1e-300)))
		fail_msg("%.17g is not %.17g", value, expected);
}

static double test_p(const double *values, size_t x_len, size_t y_len)
{
	struct prng rng;
	struct err e = { 0 };
	double p;

	prng_init(&rng, 1);
	assert_int_equal(permute_tests(values, 1, x_len, y_len, 0.002, &rng, &p, &e), 0);
	return p;
}

static void test_two_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(two_samples); i++) {
		__typeof__(&two_samples[0]) s = &two_samples[i];
		const double *y = s->values + s->x_len;
		assert_near(test_p(s->values, s->x_len, s->y_len), s->p, 1e-12);
		struct ratio r = ratio_estimate(s->values, s->x_len, y, s->y_len, 0.95);
		assert_near(r.ratio, s->ratio, 1e-14);
		assert_near(r.low, s->low, 1e-9);
		assert_near(r.high, s->high, 1e-9);
		struct ratio wide = ratio_estimate(s->values, s->x_len, y, s->y_len, 0.998);
		assert_near(wide.high, s->high99, 1e-9);
	}
}

static void test_series(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(series); i++) {
		struct trend t;
		assert_int_equal(trend_test(series[i].values, series[i].len, &t, NULL), 0);
		assert_near(t.p, series[i].p, 1e-12);
		assert_near(t.rise, series[i].rise, 1e-12);
	}
}

/* Kendall, Rank Correlation Methods, appendix table 1: P(S >= s), to its three digits. */
static const struct {
	size_t n;
	long s;
	double tail;
} kendall[] = {
	{ 4, 6, 0.042 },  { 5, 8, 0.042 },  { 6, 11, 0.028 },
	{ 8, 16, 0.031 }, { 9, 20, 0.022 }, { 10, 21, 0.036 },
};

/* The order of n values that has as many inversions as S = s asks for. */
static void order_of(size_t n, long s, double *values)
{
	size_t inversions = (n * (n - 1) / 2 - (size_t)s) / 2;

	for (size_t i = 0; i < n; i++)
		values[i] = (double)i;
	for (bool swapped = true; inversions > 0 && swapped;) {
		swapped = false;
		for (size_t i = 0; i + 1 < n && inversions > 0; i++) {
			if (values[i] > values[i + 1])
				continue;
			double v = values[i];
			values[i] = values[i + 1];
			values[i + 1] = v;
			inversions--;
			swapped = true;
		}
	}
}

static void test_kendall(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kendall); i++) {
		double values[10];
		struct trend t;
		order_of(kendall[i].n, kendall[i].s, values);
		assert_int_equal(trend_test(values, kendall[i].n, &t, NULL), 0);
		assert_true(fabs(t.p / 2 - kendall[i].tail) < 0.00051);
	}
}

/* Beyond the exact range and with ties: z = (S - 1) / sqrt(var S) of Kendall (1975), chapter 4. */
static void test_trend_of_many(void **state)
{
	(void)state;
	double values[60];
	struct trend t;
	for (size_t i = 0; i < 60; i++)
		values[i] = i < 30 ? 1 : 2;
	assert_int_equal(trend_test(values, 60, &t, NULL), 0);
	double var = (60.0 * 59 * 125 - 2 * 30.0 * 29 * 65) / 18;
	assert_near(t.p, 2 * normal_tail((900 - 1) / sqrt(var)), 1e-12);
	for (size_t i = 0; i < 60; i++)
		values[i] = 5;
	assert_int_equal(trend_test(values, 60, &t, NULL), 0);
	assert_true(t.p == 1 && t.rise == 0);
}

static void test_families(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		double q[15];
		assert_int_equal(multiple_adjust(families[i].p, q, families[i].len), 0);
		for (size_t k = 0; k < families[i].len; k++)
			assert_near(q[k], families[i].q[k], 1e-14);
	}
	/* What was not tested does not count. */
	double q[4];
	assert_int_equal(multiple_adjust((double[]){ NAN, 0.02, NAN, 0.5 }, q, 4), 0);
	assert_true(isnan(q[0]) && isnan(q[2]) && q[1] == 0.04 && q[3] == 0.5);
	/* Benjamini and Hochberg's own example rejects the four smallest at 0.05. */
	double paper[15];
	assert_int_equal(multiple_adjust(families[0].p, paper, 15), 0);
	for (size_t k = 0; k < 15; k++)
		assert_int_equal(paper[k] <= 0.05, k < 4);
}

static void test_distributions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(normals); i++) {
		assert_near(normal_quantile(normals[i].p), normals[i].z, 1e-14);
		assert_near(normal_tail(-normals[i].z), normals[i].p, 1e-12);
	}
	for (size_t i = 0; i < ARRAY_SIZE(betas); i++)
		assert_near(beta_cdf(betas[i].x, betas[i].a, betas[i].b), betas[i].p, 1e-10);
	for (size_t i = 0; i < ARRAY_SIZE(students); i++)
		assert_near(student_quantile(students[i].p, students[i].df), students[i].t, 1e-10);
	assert_true(beta_cdf(-1, 2, 2) == 0 && beta_cdf(2, 2, 2) == 1);
}

static void test_rates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++)
		assert_near(proportion_upper(rates[i].hits, rates[i].trials, rates[i].confidence),
			    rates[i].upper, 1e-10);
	assert_true(proportion_upper(0, 0, 0.95) == 1 && proportion_upper(7, 7, 0.95) == 1);
}

static void test_power(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(powers); i++) {
		__typeof__(&powers[0]) c = &powers[i];
		double power = power_of(c->shift, c->x_len, c->y_len, c->alpha);
		assert_near(power, c->power, 1e-6);
		if (c->shift > 0)
			assert_near(power_shift(power, c->x_len, c->y_len, c->alpha), c->shift,
				    1e-6);
	}
	/* Runs that cannot reach alpha have no power, whatever the change. */
	assert_true(power_of(100, 6, 6, 0.002) == 0 && isinf(power_shift(0.9, 6, 6, 0.002)));
	size_t runs = power_runs(1, 0.9, 0.002, 1000);
	assert_true(power_of(1, runs, runs, 0.002) >= 0.9);
	assert_true(power_of(1, runs - 1, runs - 1, 0.002) < 0.9);
	assert_int_equal(power_runs(100, 0.9, 0.002, 1000), 7);
	assert_int_equal(power_runs(0.001, 0.9, 0.002, 1000), 0);
}

static void test_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		double x = pairs[i].x, y = pairs[i].y;
		struct counts c = counts_compare(y / x, x, y, pairs[i].cv);
		assert_near(c.low, pairs[i].low, 1e-12);
		assert_near(c.high, pairs[i].high, 1e-12);
		assert_near(c.p, pairs[i].p, 1e-12);
		assert_near(c.ratio, x > 0 ? y / x : (y + 0.5) / 0.5, 1e-15);
	}
}

/* Means of 0 have no ratio, and one value a side has no interval. */
static void test_ratio_edges(void **state)
{
	(void)state;
	const double zeros[] = { 0, 0, 0 }, some[] = { 4, 5, 6 };
	struct ratio r = ratio_estimate(zeros, 3, some, 3, 0.95);
	assert_true(isinf(r.ratio) && isinf(r.low) && isinf(r.high));
	r = ratio_estimate(zeros, 3, zeros, 3, 0.95);
	assert_true(r.ratio == 1 && r.low == 1 && r.high == 1);
	r = ratio_estimate(some, 3, zeros, 3, 0.95);
	assert_true(r.ratio == 0 && r.low == 0 && r.high == 0);
	r = ratio_estimate(some, 1, some, 3, 0.95);
	assert_true(r.ratio == 1.25 && isnan(r.low) && isnan(r.high));
	const double tenths[] = { 0.1, 0.1, 0.1 };
	r = ratio_estimate(tenths, 3, tenths, 3, 0.95);
	assert_true(r.low == 1 && r.high == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_samples), cmocka_unit_test(test_series),
		cmocka_unit_test(test_kendall),     cmocka_unit_test(test_trend_of_many),
		cmocka_unit_test(test_families),    cmocka_unit_test(test_distributions),
		cmocka_unit_test(test_rates),       cmocka_unit_test(test_power),
		cmocka_unit_test(test_counts),      cmocka_unit_test(test_ratio_edges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
