// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "stats/power.h"

#include <math.h>

#include "stats/normal.h"
#include "stats/permute.h"

/*
 * P(T > t) of the noncentral t distribution: T = (Z + delta) / s with s^2 chi-square / df, so the
 * mean of P(Z > t s - delta) over s, by Simpson's rule where s has its weight.
 */
static double noncentral_tail(double t, double delta, double df)
{
	enum { STEPS = 400 };
	double width = 9 / sqrt(2 * df);
	double from = fmax(0, 1 - width), step = (1 + width - from) / STEPS;
	double scale = M_LN2 + df / 2 * log(df / 2) - lgamma(df / 2), sum = 0;

	for (int i = 0; i <= STEPS; i++) {
		double s = from + i * step;
		/* At 0 the density is finite for one degree of freedom alone. */
		if (s <= 0 && df != 1)
			continue;
		double log_power = df == 1 ? 0 : (df - 1) * log(s);
		double density = exp(scale + log_power - df * s * s / 2);
		int weight = i == 0 || i == STEPS ? 1 : i % 2 ? 4 : 2;
		sum += weight * density * normal_tail(t * s - delta);
	}
	return sum * step / 3;
}

double power_of(double shift, size_t x_len, size_t y_len, double alpha)
{
	/* Both limits are equal in exact arithmetic: 2 / C(n+m, n) is no round number. */
	if (permute_smallest_p(x_len, y_len) > alpha * (1 + 1e-12))
		return 0;
	double n = (double)x_len, m = (double)y_len, df = n + m - 2;
	double t = student_quantile(1 - alpha, df);
	double delta = fabs(shift) / sqrt(1 / n + 1 / m);
	return noncentral_tail(t, delta, df) + noncentral_tail(t, -delta, df);
}

double power_shift(double power, size_t x_len, size_t y_len, double alpha)
{
	double low = 0, high = 1;

	if (power_of(0, x_len, y_len, alpha) == 0)
		return INFINITY;
	/* Far above 1 the integral may stay short of 1 by its rounding. */
	while (power_of(high, x_len, y_len, alpha) < power && high < 1e6)
		high *= 2;
	for (int i = 0; i < 60; i++) {
		double shift = (low + high) / 2;
		if (power_of(shift, x_len, y_len, alpha) < power)
			low = shift;
		else
			high = shift;
	}
	return high;
}

size_t power_runs(double shift, double power, double alpha, size_t max)
{
	size_t low = permute_runs_needed(alpha), high = max;

	if (low > max || power_of(shift, max, max, alpha) < power)
		return 0;
	while (low < high) {
		size_t n = (low + high) / 2;
		if (power_of(shift, n, n, alpha) < power)
			low = n + 1;
		else
			high = n;
	}
	return low;
}
