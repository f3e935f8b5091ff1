/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The heap profile so far: sampled allocations and their frees by stack, size and rate. Bounded in
 * memory. */
#pragma once

#include <stdint.h>

#include "abi/heap.h"
#include "base/map.h"
#include "collect/stacks.h"

#define HEAP_SITES_MAX (4u << 20)

/** Zeroed storage is not enough: heap_sites_init(). */
struct heap_sites {
	struct stacks stacks;
	struct map counts;   /* struct heap_key -> struct heap_value */
	struct map deferred; /* u64[2], as BPF named a stack that we walked -> struct sample_key */
	uint64_t lost_full;  /* allocations dropped because a bound was reached */
	uint64_t lost_unknown; /* allocations dropped because their stack never arrived */
};

void heap_sites_init(struct heap_sites *s);
void heap_sites_deinit(struct heap_sites *s);

/** BPF's `name` of a stack that it could not walk stands for the stack of `key`. */
void heap_sites_resolve(struct heap_sites *s, const __u64 name[2], const struct sample_key *key);

/** Add to the counts of a key. Allocations whose stack is unknown or that find no room are counted
 * as lost. */
void heap_sites_add(struct heap_sites *s, const struct heap_key *key,
		    const struct heap_value *value);

/** The stack of a key in s->counts; never NULL for one of those. */
const struct sample_stack *heap_sites_stack(const struct heap_sites *s, const struct heap_key *key);
