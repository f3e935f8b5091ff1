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
 * p = (b + 1) / (d + 1) (B. Phipson and G. Smyth, Stat. Appl. Genet. Mol. Biol. 9(1), 2010);
 * drawing ends early once p is clearly not small (J. Besag and P. Clifford, Biometrika 78, 1991).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "stats/prng.h"

enum {
	PERMUTE_EXACT_MAX = 32,
	PERMUTE_DRAWS = 199999, /* a tail of p = 2e-5 still has 2 to 6 hits */
	PERMUTE_HITS = 50,      /* more in the smaller tail: p is known to a seventh of itself */
};

/**
 * The p of samples x and y, both finite. `rng` is used only above PERMUTE_EXACT_MAX. 0, -EINVAL if
 * a sample is empty, or -ENOMEM.
 */
int permute_test(const double *x, size_t x_len, const double *y, size_t y_len, struct prng *rng,
		 double *p, struct err *e);

/** The smallest p that any values of these numbers can have; 1 if a sample is empty. */
double permute_smallest_p(size_t x_len, size_t y_len);

/** How many values a side it takes for permute_smallest_p() to be at most `p` > 0. */
size_t permute_runs_needed(double p);
