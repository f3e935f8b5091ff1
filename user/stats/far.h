/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Values far from most others: those whose modified z-score, 0.6745 |x - median| / MAD, is above
 * 3.5, where MAD is the median of the distances to the median (B. Iglewicz and D. Hoaglin, How to
 * Detect and Handle Outliers, ASQC 1993). Up to half of the values do not move what is far.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/**
 * far[i] tells it of values[i], *count how many there are: none where MAD is 0, since nothing is
 * known of how values vary then. 0 or -ENOMEM.
 */
int far_find(const double *values, size_t len, bool *far, size_t *count, struct err *e);
