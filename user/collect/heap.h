/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The heap profile's collector: loads heap.bpf.c, probes the targets' allocators, and drains what
 * was allocated and freed. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "collect/follow.h"
#include "collect/heap_guard.h"
#include "collect/heap_probes.h"
#include "collect/heap_sites.h"

/** Sampling rates that can be had, in bytes; 1 takes every call. */
#define HEAP_RATE_MAX (1ULL << 30)

/** Room for live allocations: each takes some 130 bytes of the kernel's memory. */
#define HEAP_MAX_LIVE_MIN 1024
#define HEAP_MAX_LIVE_MAX (1U << 26)

struct heap_options {
	struct follow_options follow; /* not `all` */
	uint64_t rate_bytes;
	uint32_t max_live;   /* sampled allocations that may live at once */
	unsigned allocators; /* bits of enum allocator */
	enum uprobe_kind kind;
	double max_overhead; /* share of the targets' CPU time that probes may take; 0: any */
};

/** What has been seen, and what could not be put into the profile, by reason, since the start. */
struct heap_counters {
	uint64_t allocs, frees; /* calls that hit a probe */
	uint64_t sampled;       /* of them, calls that were recorded */
	uint64_t recording_ns;  /* and the CPU time that took in the targets */
	uint64_t exits;         /* allocations whose return was single-stepped */
	uint64_t live;          /* sampled allocations that live now */
	uint32_t shift;         /* the rate is rate_bytes << shift now */
	uint64_t failed;        /* sampled calls that returned no memory */
	uint64_t reused;        /* sampled addresses that came again without a free in between */
	uint64_t nested;        /* sampled calls that another one has made, which counts for both */
	/* lost allocations: */
	uint64_t ring, counts, store, stack; /* as struct cpu_losses */
	uint64_t scratch;                    /* no slot free for the walk */
	uint64_t pending;                    /* too many calls in flight */
	uint64_t returns;                    /* left by a longjmp or an exception, or in flight when
						the probes went */
	uint64_t untracked;                  /* in the profile, but the table of live ones was full:
						never in use */
	/* no allocations: */
	uint64_t unfollowed;
	uint64_t deferred; /* walks that user space finished */
};

struct heap_collector;

/**
 * Load, compile the tables of the targets, and start to probe them. The caller frees *ret with
 * heap_collector_close(). Errors as session_open()'s; -ENOENT if no target has an allocator that
 * can be probed, for commands not before they run.
 */
int heap_collector_open(const struct heap_options *o, struct heap_collector **ret, struct err *e);
void heap_collector_close(struct heap_collector *c);

/** Compile the program that a target is about to execute with what it needs, and probe its
 * allocators; best effort. */
void heap_collector_preload(struct heap_collector *c, const char *path);

/** Wait for up to `timeout_ms` and do what is due. 0, -EINTR on a signal, or another negative
 * errno. */
int heap_collector_poll(struct heap_collector *c, int timeout_ms, struct err *e);

/** Take over all that BPF holds, now; to be called before the sites are read. */
int heap_collector_drain(struct heap_collector *c, struct err *e);

/** Take the probes away; what was seen stays. */
void heap_collector_stop(struct heap_collector *c);

const struct heap_sites *heap_collector_sites(const struct heap_collector *c);
const struct heap_probes *heap_collector_probes(const struct heap_collector *c);
struct follow *heap_collector_follow(struct heap_collector *c);
void heap_collector_counters(const struct heap_collector *c, struct heap_counters *ret);

/** How the bound on the overhead was kept. */
const struct heap_guard *heap_collector_guard(const struct heap_collector *c);

/** What a call costs that is not sampled, in ns: an allocation, a free, and on top of an allocation
 * one of its exits. Measured at the start. */
void heap_collector_cost(const struct heap_collector *c, double *alloc_ns, double *free_ns,
			 double *exit_ns);

/** Whether what a key counts can still be in use: its process runs the program that allocated it.
 */
bool heap_collector_lives(const struct heap_collector *c, const struct heap_key *key);
