/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Rates of rare events: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934). */
#pragma once

#include <stddef.h>

/**
 * The rate that `hits` of `trials` exclude at this confidence, one-sided: every greater rate would
 * give as few hits with a probability below 1 - confidence. 1 without trials.
 */
double proportion_upper(size_t hits, size_t trials, double confidence);
