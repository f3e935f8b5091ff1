// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "stats/multiple.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The first of sorted values that is `p`. */
static size_t position(const double *sorted, size_t count, double p)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (sorted[mid] < p)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int multiple_adjust(const double *p, double *q, size_t count)
{
	_cleanup_free_ double *sorted = malloc(2 * (count + 1) * sizeof(*sorted));
	size_t tests = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (!isnan(p[i]))
			sorted[tests++] = p[i];
	qsort(sorted, tests, sizeof(*sorted), compare_doubles);
	double *adjusted = sorted + count + 1, least = 1;
	for (size_t k = tests; k-- > 0;) {
		least = fmin(least, sorted[k] * (double)tests / (double)(k + 1));
		adjusted[k] = least;
	}
	for (size_t i = 0; i < count; i++)
		q[i] = isnan(p[i]) ? NAN : adjusted[position(sorted, tests, p[i])];
	return 0;
}
