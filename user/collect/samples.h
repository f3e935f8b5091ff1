/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The CPU profile so far: how often each stack was seen under which labels. Bounded in memory. */
#pragma once

#include <stdint.h>

#include "abi/cpu.h"
#include "base/map.h"
#include "collect/stacks.h"

#define SAMPLES_KEYS_MAX (4u << 20)

/** Zeroed storage is not enough: samples_init(). */
struct samples {
	struct stacks stacks;
	struct map counts;     /* struct sample_key -> struct cpu_value */
	uint64_t total;        /* samples counted */
	uint64_t lost_full;    /* samples dropped because a bound was reached */
	uint64_t lost_unknown; /* samples dropped because their stack never arrived */
};

void samples_init(struct samples *s);
void samples_deinit(struct samples *s);

/**
 * Begin anew: forget counts and losses. Stacks stay, since those that BPF has sent lately it does
 * not send again; only when they take half of their room are they forgotten too.
 */
void samples_restart(struct samples *s);

/** Add to the count of a key. Samples whose stack is unknown or that find no room are counted as
 * lost. */
void samples_add(struct samples *s, const struct sample_key *key, const struct cpu_value *value);

/** The stack of a key in s->counts; never NULL for one of those. */
const struct sample_stack *samples_stack(const struct samples *s, const struct sample_key *key);
