/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What was sampled so far: distinct stacks, and how often each was seen under which labels.
 * Bounded in memory. */
#pragma once

#include <stdint.h>

#include "abi/cpu.h"
#include "base/map.h"
#include "base/vec.h"

#define SAMPLES_FRAMES_MAX (32u << 20) /* 256 MiB of frames */
#define SAMPLES_KEYS_MAX   (4u << 20)

/** The frames of a stack lie in samples.frames[start .. start + len): kernel frames, then user
 * frames, leaf first. */
struct sample_stack {
	uint64_t start;
	uint32_t len, kernel_len;
};

/** Zeroed storage is not enough: samples_init(). */
struct samples {
	struct map stacks; /* u64[2] identity -> struct sample_stack */
	struct map counts; /* struct cpu_key -> struct cpu_value */
	vec_of(uint64_t) frames;
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

/** Remember the frames of a stack, if it is new. 0, -ENOMEM, or -ENOSPC at the bound. */
int samples_add_stack(struct samples *s, const __u64 id[2], const uint64_t *frames, uint32_t len,
		      uint32_t kernel_len);

/** Add to the count of a key. Samples whose stack is unknown or that find no room are counted as
 * lost. */
void samples_add(struct samples *s, const struct cpu_key *key, const struct cpu_value *value);

/** The stack of a key in s->counts; never NULL for one of those. */
const struct sample_stack *samples_stack(const struct samples *s, const struct cpu_key *key);
