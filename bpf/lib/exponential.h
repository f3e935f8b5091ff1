/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Exponentially distributed integers, for BPF and for tests: the gap to the next event of a Poisson
 * process, by inversion: -ln(u) * mean.
 *
 * The logarithm is a table of 1,024 segments with quadratic interpolation, in units of 2^-40. Where
 * the events are rare, u is close to 1 and only the slope of the logarithm counts: straight chords
 * would be too steep there by 1/4096, which is why the second-order term is worth its
 * multiplication.
 */
#pragma once

#include <linux/types.h>

#define LOG_TABLE_BITS    10
#define LOG_TABLE_SIZE    ((1 << LOG_TABLE_BITS) + 1)
#define LOG_FRACTION_BITS 40

/* Means beyond this would overflow. */
#define EXPONENTIAL_MEAN_MAX (1ULL << 36)

/* Leading zero bits of x, which is not 0: BPF has no instruction for it. */
static __always_inline __u32 leading_zeros(__u64 x)
{
	__u32 n = 0;

	if (!(x >> 32))
		n += 32, x <<= 32;
	if (!(x >> 48))
		n += 16, x <<= 16;
	if (!(x >> 56))
		n += 8, x <<= 8;
	if (!(x >> 60))
		n += 4, x <<= 4;
	if (!(x >> 62))
		n += 2, x <<= 2;
	return n + !(x >> 63);
}

/*
 * The smallest integer not below -ln(u) * mean, where u = random / 2^64 is uniform in (0, 1). Of a
 * continuous gap it keeps what matters: it is at most s exactly if the gap is. table[i] is
 * ln(1 + i / 1024) * 2^40.
 */
static __always_inline __u64 exponential(__u64 random, __u64 mean, const volatile __u64 *table)
{
	random |= 1;
	__u32 zeros = leading_zeros(random);
	__u64 mantissa = random << zeros; /* u = mantissa / 2^64 * 2^-zeros */
	__u32 segment = (mantissa >> (63 - LOG_TABLE_BITS)) & ((1 << LOG_TABLE_BITS) - 1);
	__u64 within = (mantissa >> (63 - LOG_TABLE_BITS - 30)) & ((1ULL << 30) - 1);
	__u64 low = table[segment], rise = table[segment + 1] - low;
	/* Of a segment from t = 0 to 1: chord + t * (1 - t) * rise^2 / 2, since ln'' = -(ln')^2. */
	__u64 bulge = (rise * rise >> (LOG_FRACTION_BITS + 1)) *
		      ((within * ((1ULL << 30) - within)) >> 30);
	__u64 ln = low + ((rise * within) >> 30) + (bulge >> 30);
	__u64 x = (zeros + 1) * table[LOG_TABLE_SIZE - 1] - ln;

	/* x < 45 * 2^40 and mean <= 2^36: in two parts it does not overflow. */
	__u64 upper = (x >> 20) * mean, lower = ((x & ((1 << 20) - 1)) * mean) >> 20;
	return ((upper + lower) >> 20) + 1;
}
