/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Seeded random numbers: equal seeds give equal numbers on every machine. Not for secrets.
 *
 * The generator is xoshiro256** (D. Blackman and S. Vigna, "Scrambled Linear Pseudorandom Number
 * Generators", ACM TOMS 47(4), 2021), its state filled by SplitMix64 (G. Steele, D. Lea and
 * C. Flood, OOPSLA 2014).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct prng {
	uint64_t state[4];
};

void prng_init(struct prng *r, uint64_t seed);

uint64_t prng_next(struct prng *r);

/** Uniform in [0, bound), without bias; 0 if `bound` is 0. */
uint64_t prng_below(struct prng *r, uint64_t bound);

/** Uniform in (0, 1), 53 bits. */
double prng_unit(struct prng *r);

/** Normal with mean 0 and variance 1, by inversion of prng_unit(). */
double prng_normal(struct prng *r);

/** Put `items[0 .. count)` into random order (Fisher and Yates, 1938; R. Durstenfeld, 1964). */
void prng_shuffle(struct prng *r, uint32_t *items, size_t count);
