// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/heap_guard.h"

/* Less CPU time than this in a window tells nothing of shares. */
#define CPU_NS_MIN 20e6

void heap_guard_init(struct heap_guard *g, double limit, uint64_t seed)
{
	*g = (struct heap_guard){ .limit = limit, .random = seed, .on = true };
}

/* splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

void heap_guard_next(struct heap_guard *g, const struct heap_guard_window *w)
{
	g->windows++;
	g->windows_on += g->on;
	if (g->limit <= 0 || g->ended)
		return;
	if (w->cpu_ns >= CPU_NS_MIN) {
		double room = g->limit - w->free_ns / w->cpu_ns;

		if (g->on)
			g->alloc_share = w->alloc_ns / w->cpu_ns;
		if (room <= 0) {
			g->ended = true;
			g->on = false;
			return;
		}
		for (g->skip = 0; g->skip < HEAP_GUARD_SKIP_MAX; g->skip++)
			if (g->alloc_share / (double)(1U << g->skip) <= room)
				break;
	}
	g->on = random_next(&g->random) >> (64 - HEAP_GUARD_SKIP_MAX) <
		(1U << (HEAP_GUARD_SKIP_MAX - g->skip));
}
