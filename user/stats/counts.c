// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "stats/counts.h"

#include <math.h>

#include "stats/normal.h"

struct counts counts_compare(double ratio, double x, double y, double cv)
{
	double a = x + 0.5, b = y + 0.5;
	double error = sqrt(1 / a + 1 / b + 2 * cv * cv);
	double half = normal_quantile(0.975) * error;

	if (!(ratio > 0) || isinf(ratio))
		ratio = b / a;
	return (struct counts){
		.ratio = ratio,
		.low = ratio * exp(-half),
		.high = ratio * exp(half),
		.p = fmin(1, 2 * normal_tail(fabs(log(ratio)) / error)),
	};
}
