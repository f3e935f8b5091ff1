/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Counts of a single run a side, which vary more than Poisson's because programs do from run to
 * run: a negative binomial with variance mu + mu^2 cv^2 (J. F. Lawless, Can. J. Stat. 15, 1987; NB2
 * in P. McCullagh and J. A. Nelder, Generalized Linear Models, 1989). cv cannot be seen in one run
 * and is assumed. The logarithm of the ratio of two counts then has, by the delta method, the
 * variance
 *
 *     1/x + 1/y + 2 cv^2,     with 1/2 added to both counts (J. B. S. Haldane, Ann. Hum. Genet. 20,
 *     1956; F. J. Anscombe, Biometrika 43, 1956)
 *
 * and is taken as normal.
 */
#pragma once

struct counts {
	double ratio;     /* the one given, or that of the counts */
	double low, high; /* at 95% */
	double p;         /* two-sided, of the ratio being 1 */
};

/**
 * The interval and the p of a measured `ratio` y / x with x and y events behind it: of plain counts
 * y / x, of weighted samples that of their values, and x and y their effective counts (squared sum
 * of the values over the sum of variances). A ratio that is not above 0 and finite is taken from
 * the counts.
 */
struct counts counts_compare(double ratio, double x, double y, double cv);
