/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Sampled allocations: their counts by stack and size, and which of them live. */
#pragma once

#include "abi/heap.h"
#include "lib/follow.bpf.h"

const volatile __u64 max_live = 1 << 18;

/* Shared by all CPUs. Races between them are harmless: a rate may be doubled twice at once. */
__u32 rate_shift = 0;
__u64 live_count = 0;
__u32 live_filter[1 << HEAP_FILTER_BITS] = {};

/* The hash of counts in use; user space puts the idle one in its place and drains this one. */
struct counts {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct heap_key));
	__uint(value_size, sizeof(struct heap_value));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct counts);
} counts_active SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* max_live and some */
	__type(key, struct heap_live_key);
	__type(value, struct heap_key);
} live SEC(".maps");

/* Tells the programs that a process executes apart, and processes that reuse a number. */
static __always_inline __u32 task_life(void)
{
	__u64 tag = task_tag((void *)bpf_get_current_task());

	return tag ^ (tag >> 32);
}

static __always_inline __u32 *filter_of(__u64 address)
{
	/* Fibonacci hashing: the low bits of a pointer are all alike. */
	__u64 hash = address * 0x9e3779b97f4a7c15ULL;

	return &live_filter[hash >> (64 - HEAP_FILTER_BITS)];
}

/* The counts of a key in the hash in use, added if missing; NULL if it is full. */
static __always_inline struct heap_value *counts_get(const struct heap_key *key)
{
	struct heap_value none = { 0 };
	__u32 zero = 0;
	void *counts = bpf_map_lookup_elem(&counts_active, &zero);

	if (!counts)
		return 0;
	struct heap_value *value = bpf_map_lookup_elem(counts, key);
	if (value)
		return value;
	bpf_map_update_elem(counts, key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(counts, key);
}

static __always_inline void count_free(const struct heap_key *key)
{
	struct heap_value *value = counts_get(key);

	if (value)
		__sync_fetch_and_add(&value->frees, 1);
	else
		count(COUNTER_LOST_COUNTS, 1);
}

/* Take a live allocation out; 0 if it was there, with its key in *key. */
static __always_inline int live_take(__u64 address, struct heap_key *key)
{
	struct heap_live_key at = { .address = address,
				    .tgid = task_tgid_current(),
				    .life = task_life() };
	struct heap_key *found = bpf_map_lookup_elem(&live, &at);

	if (!found)
		return -1;
	*key = *found;
	/* Of two threads that free the same pointer one finds it. */
	if (bpf_map_delete_elem(&live, &at))
		return -1;
	__sync_fetch_and_add(filter_of(address), -1);
	__sync_fetch_and_add(&live_count, -1);
	return 0;
}

/*
 * The rate doubles whenever half of the room that is left is used up, so that it never is; what
 * lives keeps the weight of its own rate.
 */
static __always_inline void rate_adapt(__u32 shift)
{
	if (rate_shift == shift && shift < HEAP_SHIFT_MAX &&
	    live_count > max_live - (max_live >> (shift + 1)))
		rate_shift = shift + 1;
}

static __always_inline void live_put(__u64 address, const struct heap_key *key)
{
	struct heap_live_key at = { .address = address,
				    .tgid = key->sample.tgid,
				    .life = key->life };
	struct heap_key *stale = bpf_map_lookup_elem(&live, &at);

	if (stale) {
		/* Freed without our seeing it; or a call inside this one was counted too. */
		count(HEAP_REUSED, 1);
		count_free(stale);
		bpf_map_update_elem(&live, &at, key, BPF_ANY);
		return;
	}
	/* The filter first: a free on another CPU must not pass by. */
	__sync_fetch_and_add(filter_of(address), 1);
	if (bpf_map_update_elem(&live, &at, key, BPF_NOEXIST)) {
		__sync_fetch_and_add(filter_of(address), -1);
		count(HEAP_LOST_LIVE, 1);
		count_free(key);
		return;
	}
	__sync_fetch_and_add(&live_count, 1);
	rate_adapt(key->shift);
}

/* 0, or nonzero if the allocation is lost. */
static __always_inline int count_alloc(const struct heap_key *key)
{
	struct heap_value *value = counts_get(key);

	if (!value) {
		count(COUNTER_LOST_COUNTS, 1);
		return -1;
	}
	__sync_fetch_and_add(&value->allocs, 1);
	return 0;
}

__noinline int free_live(__u64 address)
{
	struct heap_key key;

	if (live_take(address, &key))
		return -1;
	count_free(&key);
	return 0;
}
