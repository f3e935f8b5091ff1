/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Keeps what the probes cost the targets under a bound: in windows of a second, each of which
 * probes allocations with probability 2^-k, independently of all others.
 *
 * An allocation is then sampled with 2^-k times its probability and weighs 2^k times as much, so
 * that both what was allocated and what is in use stay unbiased. Frees are always probed: what was
 * sampled must not be freed unseen. Where they alone cost more than the bound nothing can be
 * probed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HEAP_GUARD_WINDOW_NS 1000000000ULL
#define HEAP_GUARD_SKIP_MAX  10

struct heap_guard {
	double limit;    /* share of the targets' CPU time; 0: no bound */
	uint64_t random; /* state */
	bool on;         /* allocations are probed in this window */
	unsigned skip;   /* k */
	bool ended;      /* probing is over */
	uint32_t windows, windows_on;
	double alloc_share; /* what probing allocations costs in a window that does, as last seen */
};

/** What happened in a window. */
struct heap_guard_window {
	double cpu_ns;   /* of the targets, probes included */
	double alloc_ns; /* of it, probes on allocations */
	double free_ns;  /* and on frees */
};

/** `seed`: any number. The first window probes. */
void heap_guard_init(struct heap_guard *g, double limit, uint64_t seed);

/** A window is over: decide on the next one (g->on, g->skip, g->ended). */
void heap_guard_next(struct heap_guard *g, const struct heap_guard_window *w);
