/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What every kind of profile stands on: a BPF object with lib/walk.bpf.h in it, the targets with
 * their code compiled to unwind rows, and the ring buffer and side band that keep them current. Not
 * thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "collect/counts.h"
#include "collect/events.h"
#include "collect/files.h"
#include "collect/pool.h"
#include "collect/processes.h"
#include "collect/tables.h"

struct bpf_object;
struct bpf_link;
struct ring_buffer;

struct follow_options {
	const pid_t *pids;
	size_t npids;
	bool all, children;
	bool label_tid, label_cpu, label_thread;
};

/** A BPF object in the binary, and what it asks of its loader. */
struct follow_object {
	const char *name;
	const void *start, *end;
	uint32_t ring_bytes;    /* rounded up to a power of two, 4 to 64 MiB */
	uint32_t scratch_slots; /* walks at a time */
};

#define FOLLOW_TRACEPOINTS 3

struct follow {
	struct follow_options options;
	struct bpf_object *object;
	struct bpf_link *links[FOLLOW_TRACEPOINTS];
	struct bpf_tables tables;
	struct code_files files;
	struct pool pool;
	struct processes processes;
	struct sideband *sideband;
	struct events events;
	struct ring_buffer *ring;
	int targets_fd, counters_fd;
	uint64_t sideband_ns; /* when the side band last woke us */
};

/**
 * Check privileges, open the object and set what it shares with all kinds; the caller sets the
 * constants of its own before follow_load(). *f is zeroed storage; follow_deinit() in any case. `o`
 * is borrowed until follow_targets() has returned.
 */
int follow_open(struct follow *f, const struct follow_options *o, const struct follow_object *from,
		struct err *e);

/**
 * Load the object, map its tables, and follow processes from now on. `stacks` takes what comes, and
 * the callbacks of struct events are called with `ctx`.
 */
int follow_load(struct follow *f, struct stacks *stacks, events_finished_fn finished,
		events_changed_fn changed, void *ctx, struct err *e);

/** Find the targets, compile their code and install their mappings. Errors as session_open()'s. */
int follow_targets(struct follow *f, struct err *e);

/**
 * Follow these processes from now on, with what was compiled so far; those before have ended.
 * `pids` is borrowed until this returns. Errors as follow_targets()'s.
 */
int follow_retarget(struct follow *f, const pid_t *pids, size_t npids, struct err *e);

void follow_deinit(struct follow *f);

/** Compile a program that a target is about to execute, and the libraries it needs; best effort. */
void follow_preload(struct follow *f, const char *path);

/**
 * For `timeout_ms`, or until a signal: sleep until something comes, handle it, read again what has
 * changed, and do what is due by the clock: due(ctx), each time. 0, -EINTR on a signal, or another
 * negative errno.
 */
int follow_poll(struct follow *f, int timeout_ms, int (*due)(void *ctx, struct err *e), void *ctx,
		struct err *e);

/** Handle all that is in the ring now, for two seconds at most. */
void follow_drain_ring(struct follow *f);

/** Take over all that BPF has counted until now, once the stacks are here that it is counted under.
 */
int follow_drain(struct follow *f, struct counts *counts, counts_fn fn, void *ctx, struct err *e);

/** The sum of a counter (enum counter) over all CPUs. */
uint64_t follow_counter(const struct follow *f, uint32_t counter);

/** Records of forks, execs and exits that were lost, since the start. */
uint64_t follow_unfollowed(const struct follow *f);

/** Unwind rows compiled so far. */
uint64_t follow_rows(const struct follow *f);

/** Instructions that the verifier processed for all programs; 0 if the kernel does not tell. */
uint32_t follow_verified_insns(const struct follow *f);
