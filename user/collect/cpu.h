/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The CPU profile's collector: loads cpu.bpf.c, follows the targets, finishes the walks that BPF
 * hands over and drains the counts. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "collect/follow.h"
#include "collect/samples.h"

struct cpu_options {
	struct follow_options follow;
	bool user_only;
	uint32_t hz;
};

/** What BPF and the drain could not put into the profile, by reason, since the start. */
struct cpu_losses {
	uint64_t ring;          /* ring buffer full */
	uint64_t counts;        /* hash of counts full */
	uint64_t store;         /* user space's bound on stacks reached */
	uint64_t stack;         /* the stack did not arrive */
	uint64_t unfollowed;    /* records of forks, execs and exits that were lost (no samples) */
	uint64_t not_installed; /* mappings that BPF's tables had no room for (no samples) */
	uint64_t throttled;     /* ticks that the timer left out */
	uint64_t deferred;      /* walks that user space finished; not lost */
};

struct cpu_collector;

/**
 * Load, compile the tables of the targets, and start. The caller frees *ret with
 * cpu_collector_close(). Errors as session_open()'s.
 */
int cpu_collector_open(const struct cpu_options *o, struct cpu_collector **ret, struct err *e);
void cpu_collector_close(struct cpu_collector *c);

/** Sample other targets from now on: follow_retarget(). Only after cpu_collector_stop(). */
int cpu_collector_retarget(struct cpu_collector *c, const pid_t *pids, size_t npids, struct err *e);

/** Wait for up to `timeout_ms` and do what is due. 0, -EINTR on a signal, or another negative
 * errno. */
int cpu_collector_poll(struct cpu_collector *c, int timeout_ms, struct err *e);

/** Take over all that BPF holds, now; to be called before the samples are read. */
int cpu_collector_drain(struct cpu_collector *c, struct err *e);

/** Stop the events; what was sampled stays. */
void cpu_collector_stop(struct cpu_collector *c);

struct samples *cpu_collector_samples(struct cpu_collector *c);
struct follow *cpu_collector_follow(struct cpu_collector *c);
void cpu_collector_losses(struct cpu_collector *c, struct cpu_losses *ret);
