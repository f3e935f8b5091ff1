/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Slices of the one array of mappings that BPF searches.
 *
 * A slice that was given back may still be read by a BPF program that is running; it is only used
 * again after pool_settle(), which the owner calls once an RCU grace period has passed.
 */
#pragma once

#include <stdint.h>

#include "abi/unwind.h"
#include "base/vec.h"

struct pool_slice {
	uint32_t first, count;
};

struct pool {
	struct unwind_mapping *mappings;   /* borrowed */
	vec_of(struct pool_slice) idle;    /* sorted by first, never adjacent */
	vec_of(struct pool_slice) resting; /* given back since the last pool_settle() */
};

/** Manage `entries` mappings at `mappings`; 0 or -ENOMEM. */
int pool_init(struct pool *p, struct unwind_mapping *mappings, uint32_t entries);
void pool_deinit(struct pool *p);

/** Take a slice and fill it. 0, -ENOSPC, or -ENOMEM; an empty slice always succeeds. */
int pool_take(struct pool *p, const struct unwind_mapping *from, uint32_t count,
	      struct pool_slice *ret);

/** Give a slice back, once nothing new can start to read it. */
void pool_give(struct pool *p, struct pool_slice slice);

/** A grace period has passed: what was given back before it may be taken again. */
void pool_settle(struct pool *p);
