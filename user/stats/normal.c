// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "stats/normal.h"

#include <math.h>

double normal_tail(double z)
{
	return erfc(z * M_SQRT1_2) / 2;
}

/* Numerator and denominator of degree 7, highest power first. */
static double rational(const double numerator[8], const double denominator[8], double x)
{
	double n = numerator[0], d = denominator[0];

	for (int i = 1; i < 8; i++) {
		n = n * x + numerator[i];
		d = d * x + denominator[i];
	}
	return n / d;
}

/* AS 241, PPND16: near the middle, in the tails, far out. */
static const double middle[2][8] = {
	{ 2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
	  4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
	  1.3314166789178437745e2, 3.3871328727963666080e0 },
	{ 5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
	  2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2,
	  4.2313330701600911252e1, 1.0 },
};
static const double tail[2][8] = {
	{ 7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
	  1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
	  4.63033784615654529590e0, 1.42343711074968357734e0 },
	{ 1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
	  1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
	  2.05319162663775882187e0, 1.0 },
};
static const double far_tail[2][8] = {
	{ 2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
	  2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
	  5.46378491116411436990e0, 6.65790464350110377720e0 },
	{ 2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
	  7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
	  5.99832206555887937690e-1, 1.0 },
};

double normal_quantile(double p)
{
	double q = p - 0.5;

	if (fabs(q) <= 0.425)
		return q * rational(middle[0], middle[1], 0.180625 - q * q);
	double r = sqrt(-log(q < 0 ? p : 1 - p));
	double z = r <= 5 ? rational(tail[0], tail[1], r - 1.6)
			  : rational(far_tail[0], far_tail[1], r - 5);
	return q < 0 ? -z : z;
}

/* The continued fraction of I_x(a, b), which converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double x, double a, double b)
{
	const double tiny = 1e-300;
	/* Of the order of sqrt(max(a, b)) terms are needed; this is enough for a million. */
	const int terms = 10000;
	double c = 1, d = 1 - (a + b) * x / (a + 1);
	double f = d = 1 / (fabs(d) < tiny ? tiny : d);

	for (int m = 1; m <= terms; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		d = 1 + even * d;
		c = 1 + even / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		f *= c * d;
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		d = 1 + odd * d;
		c = 1 + odd / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		f *= c * d;
		if (fabs(c * d - 1) < 1e-15)
			break;
	}
	return f;
}

double beta_cdf(double x, double a, double b)
{
	if (x <= 0)
		return 0;
	if (x >= 1)
		return 1;
	if (x > (a + 1) / (a + b + 2))
		return 1 - beta_cdf(1 - x, b, a);
	double front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x);
	return exp(front) * beta_fraction(x, a, b) / a;
}

double beta_quantile(double p, double a, double b)
{
	double low = 0, high = 1;

	/* Halving 1,100 times passes all doubles; it ends when no other lies between. */
	for (;;) {
		double x = (low + high) / 2;
		if (x <= low || x >= high)
			return x;
		if (beta_cdf(x, a, b) < p)
			low = x;
		else
			high = x;
	}
}

double student_quantile(double p, double df)
{
	double x = beta_quantile(1 - p, df / 2, 0.5);

	return sqrt(df * (1 - x) / x);
}
