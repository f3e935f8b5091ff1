// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "stats/trend.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "stats/normal.h"

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* S, whether values tie, and the sorted slopes of all pairs. */
static long score(const double *values, size_t count, double *slopes, bool *ties)
{
	long s = 0;
	size_t pairs = 0;

	*ties = false;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = i + 1; j < count; j++) {
			s += (values[j] > values[i]) - (values[j] < values[i]);
			*ties |= values[j] == values[i];
			slopes[pairs++] = (values[j] - values[i]) / (double)(j - i);
		}
	}
	qsort(slopes, pairs, sizeof(*slopes), compare_doubles);
	return s;
}

/*
 * P(S >= s) of `count` distinct values in random order. An order with k inversions has
 * S = pairs - 2 k; the i-th value adds 0 .. i inversions, each as likely.
 */
static double exact_tail(size_t count, long s)
{
	enum { PAIRS_MAX = TREND_EXACT_MAX * (TREND_EXACT_MAX - 1) / 2 };
	double probability[PAIRS_MAX + 1] = { 1 }, next[PAIRS_MAX + 1];
	size_t pairs = 0;

	for (size_t i = 1; i < count; i++) {
		double window = 0;
		for (size_t k = 0; k <= pairs + i; k++) {
			window += k <= pairs ? probability[k] : 0;
			if (k > i && k - i - 1 <= pairs)
				window -= probability[k - i - 1];
			next[k] = fmax(window, 0) / (double)(i + 1);
		}
		pairs += i;
		for (size_t k = 0; k <= pairs; k++)
			probability[k] = next[k];
	}
	double tail = 0;
	for (size_t k = 0; (long)pairs - 2 * (long)k >= s; k++)
		tail += probability[k];
	return tail;
}

/* The variance of S over all orders of these values. */
static double variance(const double *values, size_t count)
{
	double n = (double)count, sum = n * (n - 1) * (2 * n + 5);

	for (size_t i = 0; i < count; i++) {
		size_t equal = 0;
		bool first = true;
		for (size_t j = 0; j < count; j++) {
			equal += values[j] == values[i];
			first &= j >= i || values[j] != values[i];
		}
		double t = (double)equal;
		if (first)
			sum -= t * (t - 1) * (2 * t + 5);
	}
	return sum / 18;
}

int trend_test(const double *values, size_t count, struct trend *ret, struct err *e)
{
	*ret = (struct trend){ .p = 1 };
	if (count < 3)
		return 0;
	size_t pairs = count * (count - 1) / 2;
	_cleanup_free_ double *slopes = calloc(pairs, sizeof(*slopes));
	bool ties;

	if (!slopes)
		return err_set(e, -ENOMEM, "cannot look for a trend in %zu runs", count);
	long s = labs(score(values, count, slopes, &ties));
	double median = (slopes[pairs / 2] + slopes[(pairs - 1) / 2]) / 2;
	ret->rise = median * (double)(count - 1);
	if (s == 0)
		return 0;
	if (!ties && count <= TREND_EXACT_MAX)
		ret->p = 2 * exact_tail(count, s);
	else
		ret->p = 2 * normal_tail((double)(s - 1) / sqrt(variance(values, count)));
	ret->p = fmin(ret->p, 1);
	return 0;
}
