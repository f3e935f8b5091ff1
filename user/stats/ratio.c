// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "stats/ratio.h"

#include <math.h>

#include "stats/normal.h"

struct moments {
	double mean;
	double error; /* variance of the mean */
	double df;
};

static struct moments moments_of(const double *values, size_t len)
{
	double sum = 0, squares = 0;

	for (size_t i = 0; i < len; i++)
		sum += values[i];
	double n = (double)len, mean = sum / n;
	for (size_t i = 0; i < len; i++)
		squares += (values[i] - mean) * (values[i] - mean);
	/* Equal values may leave a rounding error of their mean, which is no variation. */
	if (squares <= n * 1e-28 * mean * mean)
		squares = 0;
	return (struct moments){ mean, squares / (n - 1) / n, n - 1 };
}

/* Welch's degrees of freedom of my - r mx. */
static double degrees(const struct moments *x, const struct moments *y, double r)
{
	double vx = isfinite(r) ? r * r * x->error : 0, vy = y->error;

	if (vx + vy == 0)
		return x->df + y->df;
	return (vx + vy) * (vx + vy) / (vx * vx / x->df + vy * vy / y->df);
}

/* All r >= 0 with a r^2 - 2 b r + c <= 0. */
static void solve(double a, double b, double c, double *low, double *high)
{
	double root = sqrt(fmax(b * b - a * c, 0));

	if (a > 0) {
		*low = fmax((b - root) / a, 0);
		*high = (b + root) / a;
		return;
	}
	/* The mean of x may be 0 for all we know, so that r has no upper bound. */
	*high = INFINITY;
	if (c <= 0)
		*low = 0;
	else
		*low = b > 0 ? c / (b + root) : INFINITY;
}

struct ratio ratio_estimate(const double *x, size_t x_len, const double *y, size_t y_len,
			    double confidence)
{
	struct moments mx = moments_of(x, x_len), my = moments_of(y, y_len);
	struct ratio r = { .low = NAN, .high = NAN };

	if (mx.mean == 0)
		r.ratio = my.mean == 0 ? 1 : INFINITY;
	else
		r.ratio = my.mean / mx.mean;
	if (x_len < 2 || y_len < 2)
		return r;
	if (mx.error == 0 && my.error == 0) {
		r.low = r.high = r.ratio;
		return r;
	}
	double t = student_quantile(confidence, degrees(&mx, &my, r.ratio));
	solve(mx.mean * mx.mean - t * t * mx.error, mx.mean * my.mean,
	      my.mean * my.mean - t * t * my.error, &r.low, &r.high);
	return r;
}
