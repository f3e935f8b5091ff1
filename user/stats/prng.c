// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "stats/prng.h"

#include "stats/normal.h"

static uint64_t splitmix_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t v, int bits)
{
	return (v << bits) | (v >> (64 - bits));
}

void prng_init(struct prng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->state[i] = splitmix_next(&seed);
}

uint64_t prng_next(struct prng *r)
{
	uint64_t *s = r->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate_left(s[3], 45);
	return result;
}

uint64_t prng_below(struct prng *r, uint64_t bound)
{
	if (bound == 0)
		return 0;
	/* The product's high half is uniform unless its low half is among the first 2^64 % bound
	 * (D. Lemire, ACM TOMACS 29(1), 2019). */
	unsigned __int128 product = (unsigned __int128)prng_next(r) * bound;
	if ((uint64_t)product < bound) {
		uint64_t excess = (0 - bound) % bound;
		while ((uint64_t)product < excess)
			product = (unsigned __int128)prng_next(r) * bound;
	}
	return (uint64_t)(product >> 64);
}

double prng_unit(struct prng *r)
{
	return ((double)(prng_next(r) >> 11) + 0.5) * 0x1p-53;
}

double prng_normal(struct prng *r)
{
	return normal_quantile(prng_unit(r));
}

void prng_shuffle(struct prng *r, uint32_t *items, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t j = prng_below(r, i);
		uint32_t item = items[i - 1];
		items[i - 1] = items[j];
		items[j] = item;
	}
}
