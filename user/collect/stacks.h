/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The distinct stacks seen so far, by their 128-bit identity. Bounded in memory. */
#pragma once

#include <stdint.h>

#include <linux/types.h>

#include "base/map.h"
#include "base/vec.h"

#define STACKS_FRAMES_MAX (32u << 20) /* 256 MiB of frames */

/** The frames of a stack lie in stacks.frames[start .. start + len): kernel frames, then user
 * frames, leaf first. */
struct sample_stack {
	uint64_t start;
	uint32_t len, kernel_len;
};

/** Zeroed storage is not enough: stacks_init(). */
struct stacks {
	struct map by_id; /* u64[2] -> struct sample_stack */
	vec_of(uint64_t) frames;
};

void stacks_init(struct stacks *s);
void stacks_deinit(struct stacks *s);

/** Forget all. */
void stacks_clear(struct stacks *s);

/** Remember the frames of a stack, if it is new. 0, -ENOMEM, or -ENOSPC at the bound. */
int stacks_add(struct stacks *s, const __u64 id[2], const uint64_t *frames, uint32_t len,
	       uint32_t kernel_len);

/** NULL if it is not known; the answer lives until the next stacks_add(). */
const struct sample_stack *stacks_find(const struct stacks *s, const __u64 id[2]);
