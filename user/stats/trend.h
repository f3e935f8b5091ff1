/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Does a series drift? H. B. Mann, Econometrica 13 (1945), and M. G. Kendall's tau (Biometrika 30,
 * 1938): S counts the pairs that rise less those that fall. How much it drifts: the median of all
 * slopes (H. Theil, 1950; P. K. Sen, JASA 63, 1968) times the length.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

struct trend {
	double p;    /* two-sided; 1 for fewer than 3 values */
	double rise; /* from the first to the last value, along the median slope */
};

/**
 * Exact up to TREND_EXACT_MAX values without ties, by the numbers of permutations with as many
 * inversions (Kendall, Rank Correlation Methods, 1948); else normal, with the variance of ties and
 * a continuity correction. 0 or -ENOMEM.
 */
#define TREND_EXACT_MAX 50

int trend_test(const double *values, size_t count, struct trend *ret, struct err *e);
