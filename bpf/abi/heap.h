/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What the heap profile's BPF programs and their loader share.
 *
 *   entry of an allocating function     one countdown of bytes for each CPU decides
 *     -> not sampled                    nothing else happens
 *     -> sampled: walk, then `pending`  until the function returns
 *   its return                          one allocation counted, the pointer into `live`
 *   entry of free                       if in `live`: one free counted under the same key
 *
 * Sampling is Poisson by bytes: an allocation of s bytes is taken with probability
 * 1 - exp(-s / rate), where the rate is that of its key: rate_bytes << shift. Rate 1 takes every
 * call.
 */
#pragma once

#include "abi/sample.h"

/* One line of the profile, before weights: allocations of one size from one stack. */
struct heap_key {
	struct sample_key sample;
	__u64 size;  /* bytes asked for */
	__u16 shift; /* they were sampled at rate_bytes << shift */
	__u16 skip;  /* in one window of 2^skip, see user/collect/heap_guard.h */
	__u32 life;  /* tells the programs that a process executes apart: task_life() */
};
_Static_assert(sizeof(struct heap_key) == 64, "keys are compared as bytes");

struct heap_value {
	__u64 allocs, frees; /* sampled calls; frees only of what was sampled */
};

struct heap_live_key {
	__u64 address;
	__u32 tgid, life;
};
_Static_assert(sizeof(struct heap_live_key) == 16, "keys are compared as bytes");

/* A sampled call between its entry and its return. */
struct heap_pending_key {
	__u64 sp; /* at the function's entry */
	__u32 tid, pad;
};
_Static_assert(sizeof(struct heap_pending_key) == 16, "keys are compared as bytes");

/* What a program does with a call. */
enum heap_flag {
	HEAP_RETURNS = 1 << 0,        /* its return is seen */
	HEAP_POSIX_MEMALIGN = 1 << 1, /* `pointer` is where the result goes; returns 0 or an errno
				       */
	HEAP_REALLOC = 1 << 2,        /* `pointer` is resized */
	HEAP_SAMPLED = 1 << 3,        /* this call was */
	HEAP_JUMPS = 1 << 4,          /* its last act may be a jump to another such function */
	HEAP_EXITS = 1 << 5,          /* its return is seen at its own instructions */
};

struct heap_pending {
	struct heap_key key; /* of the new allocation, if HEAP_SAMPLED */
	struct heap_key old; /* REALLOC: of the old one, taken out of `live`, if old_address */
	__u64 old_address;
	__u64 pointer, size; /* arguments */
	__u64 return_to;     /* address in the caller */
	__u32 flags, pad;
};

/* One per CPU, on a cache line of its own. */
struct heap_cpu {
	__s64 left;          /* bytes until the next sample; sampled once it is not above 0 */
	__u32 shift;         /* `left` was drawn for this one */
	__u32 drawn;         /* whether `left` was ever drawn */
	__u64 allocs, frees; /* calls seen */
	__u64 sampled;       /* of them, calls that were recorded, */
	__u64 recording_ns;  /* and the time that took */
	__u64 exits;         /* returns seen by single-stepped instructions */
	__u64 pad;
};
_Static_assert(sizeof(struct heap_cpu) == 64, "a cache line each");

/* Room for what is not on the BPF stack; one beside each slot of `scratch`. */
struct heap_slot {
	struct heap_pending pending;
	__u64 owner;  /* process and thread that have claimed it; 0: none */
	__u64 inside; /* whether the walk has found a call in flight that made this one */
};

#define HEAP_SLOTS_PER_CPU 4 /* sampled calls that preempt each other in the middle of a walk */
#define HEAP_PENDING_MAX   16384
#define HEAP_SHIFT_MAX     24

/* Counters of `live` entries by a hash of their address: most frees see a zero and leave. */
#define HEAP_FILTER_BITS 18

/* Threads with sampled calls in flight, counted by a hash of their number. */
#define HEAP_THREADS_BITS 10

/* A deferred walk's stack has no identity yet: stack[0] is the time, stack[1] this and the thread.
 */
#define HEAP_DEFERRED_MARK (0xdefeULL << 48)

enum heap_counter {
	HEAP_LOST_SCRATCH = COUNTER_KIND, /* calls: no slot was free for the walk */
	HEAP_LOST_PENDING,                /* calls: too many in flight */
	HEAP_LOST_LIVE,   /* allocations whose free cannot be seen: `live` was full */
	HEAP_LOST_RETURN, /* calls: left by a longjmp or an exception */
	HEAP_NESTED,      /* calls that another one has made, which counts for both */
	HEAP_FAILED,      /* calls that returned no memory */
	HEAP_REUSED,      /* addresses allocated again without a free in between */
	HEAP_COUNTERS,    /* at most COUNTERS_MAX */
};
