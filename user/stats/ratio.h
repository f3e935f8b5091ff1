/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The ratio of two means and its interval: E. C. Fieller, "Some problems in interval estimation",
 * J. R. Stat. Soc. B 16 (1954), of two independent samples, with the variances of either (so that
 * they may differ) and the degrees of freedom of B. L. Welch (Biometrika 34, 1947). All ratios r
 * are in it for which mean(y) - r mean(x) is less than t standard errors from 0:
 *
 *     (my - r mx)^2 <= t^2 (vy/m + r^2 vx/n)
 *
 * The degrees of freedom are those at the estimated ratio.
 */
#pragma once

#include <stddef.h>

struct ratio {
	double ratio;     /* mean(y) / mean(x); INFINITY if mean(x) is 0, 1 if both are */
	double low, high; /* NAN: a side has fewer than 2 values; high may be INFINITY */
};

/** Of non-negative values; `confidence` in (0, 1), 0.95 for instance. */
struct ratio ratio_estimate(const double *x, size_t x_len, const double *y, size_t y_len,
			    double confidence);
