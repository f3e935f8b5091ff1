/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What a comparison of two samples by stats/permute.h can see.
 *
 * Runs are taken to vary normally with a known coefficient of variation, and the test to have the
 * power of the t test at the same level, which it has asymptotically (W. Hoeffding, Ann. Math.
 * Stat. 23, 1952) and to a few percent from 8+8 on. The power of the t test is that of the
 * noncentral t distribution (N. L. Johnson and B. L. Welch, Biometrika 31, 1940), integrated
 * numerically. Below permute_smallest_p() there is no power at all.
 */
#pragma once

#include <stddef.h>

/** P(p <= alpha) when means differ by `shift` standard deviations. */
double power_of(double shift, size_t x_len, size_t y_len, double alpha);

/** The least shift seen with probability `power`; INFINITY if no shift reaches alpha. */
double power_shift(double power, size_t x_len, size_t y_len, double alpha);

/** The fewest values a side that see `shift` > 0 with probability `power`; 0: more than `max`. */
size_t power_runs(double shift, double power, double alpha, size_t max);
