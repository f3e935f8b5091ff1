/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Distributions: the normal, Student's t and the beta, and their inverses. */
#pragma once

/** P(Z > z), by the C library's erfc(), which is accurate in the tail. */
double normal_tail(double z);

/** The z with P(Z <= z) = p, in (0, 1): M. J. Wichura, AS 241, Applied Statistics 37 (1988); 1e-15.
 */
double normal_quantile(double p);

/**
 * The regularised incomplete beta function I_x(a, b), by its continued fraction (NIST Digital
 * Library of Mathematical Functions, 8.17.22) with W. J. Lentz's method (Applied Optics 15, 1976).
 */
double beta_cdf(double x, double a, double b);

/** The x with beta_cdf(x, a, b) = p, by bisection. */
double beta_quantile(double p, double a, double b);

/** The t with P(|T| <= t) = p, for `df` > 0 degrees of freedom, by I_x(df/2, 1/2). */
double student_quantile(double p, double df);
