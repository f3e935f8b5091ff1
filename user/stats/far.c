// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "stats/far.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* 0.6745 of a normal distribution's standard deviation is its MAD. */
static const double limit = 3.5 / 0.6745;

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts them. */
static double median_of(double *values, size_t len)
{
	qsort(values, len, sizeof(*values), compare);
	return (values[(len - 1) / 2] + values[len / 2]) / 2;
}

int far_find(const double *values, size_t len, bool *far, size_t *count, struct err *e)
{
	_cleanup_free_ double *sorted = calloc(len + 1, sizeof(*sorted));

	*count = 0;
	memset(far, 0, len * sizeof(*far));
	if (!sorted)
		return err_set(e, -ENOMEM, "cannot look for far values");
	if (len == 0)
		return 0;
	memcpy(sorted, values, len * sizeof(*values));
	double median = median_of(sorted, len);
	for (size_t i = 0; i < len; i++)
		sorted[i] = fabs(values[i] - median);
	double mad = median_of(sorted, len);
	for (size_t i = 0; i < len && mad > 0; i++) {
		far[i] = fabs(values[i] - median) > limit * mad;
		*count += far[i];
	}
	return 0;
}
