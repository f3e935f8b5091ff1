/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Two samples: could the same values as well have fallen to the other one?
 *
 * The permutation test of the difference of means (R. A. Fisher, The Design of Experiments, 1935;
 * E. J. G. Pitman, Suppl. J. R. Stat. Soc. 4, 1937). It assumes only that the order of the runs was
 * exchangeable. p is two-sided, twice the smaller tail and at most 1, where a tail counts the
 * splits at least as extreme as the one observed, which is among them: at least 2 / C(n+m, n).
 *
 * Of up to PERMUTE_EXACT_MAX values in all, every split is counted: the sums of subsets of either
 * half of the values are listed in order, by size, and matched (E. Horowitz and S. Sahni, JACM
 * 21(2), 1974), 2^(n+m)/2 steps instead of C(n+m, n). Of more, random splits are drawn, and
 * p = 2 (b + 1) / (d + 1) (B. Phipson and G. Smyth, Stat. Appl. Genet. Mol. Biol. 9(1), 2010);
 * drawing ends early once p is clearly not small (J. Besag and P. Clifford, Biometrika 78, 1991).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "stats/prng.h"

enum {
	PERMUTE_EXACT_MAX = 32,
	PERMUTE_HITS = 50, /* in the smaller tail end drawing: p is known to a seventh of itself */
	/* Draws for a level: 6 of its inverse, so that p can be a third of it, in these bounds. */
	PERMUTE_DRAWS_MIN = 20000,
	PERMUTE_DRAWS_MAX = 4000000,
};

/**
 * Tests of the same runs: of `values`, a row of x_len + y_len finite values for each test, those of
 * x first. p[i] is that of row i. All tests see the same random splits, so that what goes together
 * in the runs does in the p. `level` is what p will be compared to; it and `rng` are used only
 * above PERMUTE_EXACT_MAX. 0, -EINVAL if a sample is empty, or -ENOMEM.
 */
int permute_tests(const double *values, size_t tests, size_t x_len, size_t y_len, double level,
		  struct prng *rng, double *p, struct err *e);

/** The smallest p that any values of these numbers can have, 2 / C(n+m, n); 1 if one is 0. */
double permute_smallest_p(size_t x_len, size_t y_len);

/** How many values a side it takes for permute_smallest_p() to be at most `p` > 0. */
size_t permute_runs_needed(double p);
