/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Many tests at once: Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", J. R.
 * Stat. Soc. B 57 (1995). Of the tests called significant at q <= alpha, at most alpha are false on
 * average; if no test has anything to find, the probability of calling any is at most alpha. Holds
 * for independent tests and for positively dependent ones (Benjamini and Yekutieli, Ann. Stat. 29,
 * 2001), such as values of callers and callees.
 */
#pragma once

#include <stddef.h>

/**
 * Adjusted p-values: q of the k-th smallest p is the least of p(j) n / j over j >= k, at most 1.
 * NAN is no test: it does not count and stays NAN. 0, or -ENOMEM.
 */
int multiple_adjust(const double *p, double *q, size_t count);
