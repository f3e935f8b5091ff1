/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Calls in flight: those whose return matters, between their entry and their return. */
#pragma once

#include "lib/heap_live.bpf.h"
#include "lib/return_probe.bpf.h"

__u32 threads_pending[1 << HEAP_THREADS_BITS] = {};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HEAP_PENDING_MAX);
	__type(key, struct heap_pending_key);
	__type(value, struct heap_pending);
} pending SEC(".maps");

static __always_inline __u32 *pending_of(__u32 tid)
{
	return &threads_pending[tid & ((1 << HEAP_THREADS_BITS) - 1)];
}

/* The key of the call whose return address lies at `at` on this thread's stack. */
static __always_inline struct heap_pending_key pending_key(__u64 at)
{
	struct heap_pending_key key = { .sp = at, .tid = bpf_get_current_pid_tgid() };

	return key;
}

static __always_inline void pending_end(const struct heap_pending_key *key)
{
	bpf_map_delete_elem(&pending, key);
	__sync_fetch_and_add(pending_of(key->tid), -1);
}

/* A call that did not return by its own return: left by a longjmp or an exception. What became of
 * its block will not be seen; the one that it was to resize counts as freed. */
static __always_inline void pending_left(const struct heap_pending *p)
{
	if (p->old_address)
		count_free(&p->old);
	if (!(p->flags & HEAP_SAMPLED))
		return;
	/* Where each `ret` is seen, what does not come by one has failed. */
	count(p->flags & HEAP_EXITS ? HEAP_FAILED : HEAP_LOST_RETURN, 1);
}

/*
 * What is in flight at the place where a function is entered: 1 if it is the call that jumped to
 * this function, and counts for both. One that was left at the same place is forgotten.
 */
__noinline int call_before(__u64 sp)
{
	struct heap_pending_key key = pending_key(sp);
	struct heap_pending *p = bpf_map_lookup_elem(&pending, &key);
	__u64 return_to = 0;

	if (!p)
		return 0;
	bpf_probe_read_user(&return_to, sizeof(return_to), (const void *)sp);
	if (return_to == return_probe_trampoline())
		return 1;
	pending_left(p);
	pending_end(&key);
	return 0;
}

/* 0, or nonzero if the return of the call cannot be awaited. */
static __always_inline int pending_put(struct heap_pending *p, __u64 sp)
{
	struct heap_pending_key key = pending_key(sp);

	if (bpf_probe_read_user(&p->return_to, sizeof(p->return_to), (const void *)sp) == 0) {
		/* Another profiler's function has jumped here, or one whose return we need not. */
		if (p->return_to == return_probe_trampoline())
			p->return_to = return_probe_address(sp);
		if (!bpf_map_update_elem(&pending, &key, p, BPF_NOEXIST)) {
			__sync_fetch_and_add(pending_of(key.tid), 1);
			return 0;
		}
	}
	count(HEAP_LOST_PENDING, 1);
	return -1;
}

/* Account for what a call has returned. */
static __always_inline void pending_returned(const struct heap_pending *p, __u64 pointer)
{
	if (p->old_address && !pointer && p->size)
		live_put(p->old_address, &p->old); /* realloc failed: nothing changed */
	else if (p->old_address)
		count_free(&p->old);
	if (!(p->flags & HEAP_SAMPLED))
		return;
	if (pointer && !count_alloc(&p->key))
		live_put(pointer, &p->key);
	else if (!pointer && p->size)
		count(HEAP_FAILED, 1);
}

/* The pointer that a call returned; 0 if it failed. */
static __always_inline __u64 pending_result(const struct heap_pending *p, __u64 result)
{
	__u64 pointer = 0;

	if (!(p->flags & HEAP_POSIX_MEMALIGN))
		return result;
	if ((__u32)result != 0 ||
	    bpf_probe_read_user(&pointer, sizeof(pointer), (const void *)p->pointer))
		return 0;
	return pointer;
}

/* A function is about to return, with its return address at `sp`; others may share the instruction.
 */
__noinline int call_exit(__u64 sp, __u64 result)
{
	struct heap_pending_key key = pending_key(sp);
	struct heap_pending *p = bpf_map_lookup_elem(&pending, &key);

	if (!p || !(p->flags & HEAP_EXITS))
		return -1;
	pending_returned(p, pending_result(p, result));
	pending_end(&key);
	return 0;
}

/*
 * A thread with calls in flight is at `ip` with its stack at `sp`: if one of them has just
 * returned, account for it. What lies at the same place but was left is forgotten. 1 if it was a
 * return.
 */
__noinline int call_return(__u64 sp, __u64 ip, __u64 result)
{
	struct heap_pending_key key = pending_key(sp - 8);
	struct heap_pending *p = bpf_map_lookup_elem(&pending, &key);

	if (!p)
		return 0;
	_Bool returned = p->return_to == ip;
	if (returned)
		pending_returned(p, pending_result(p, result));
	else
		pending_left(p);
	pending_end(&key);
	return returned;
}
