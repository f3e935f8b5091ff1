/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The runs that are compared: profiles of the base and of the new side, each reduced to what
 * judging needs.
 *
 *     for each profile:  gate_run_reduce() -> gate_runs_add()   (the profile can go)
 *     then:              gate_judge()
 *
 * Reduction keeps a call tree of the functions that weigh at least a quarter of the policy's
 * min_share in this run, at most the 500 heaviest; others count as their callers'. Names are
 * normalised. What drop_frames calls uninteresting is dropped, so that a heap profile blames who
 * called malloc.
 *
 * Reducing may go on in several threads at once, each with a profile of its own; the rest is not
 * thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "gate/policy.h"
#include "profile/profile.h"

enum gate_side { GATE_BASE, GATE_NEW };

/** What is known of a run besides its profile. Zero: not known. */
struct gate_facts {
	const char *source; /* where the profile is from, for messages; copied */
	double work;        /* units of work done; all values are divided by it. Else 1 */
	double cpu_seconds; /* of a process that was profiled from exec to exit, from rusage; else
			     * our comments tell what the kernel counted */
	int64_t order;      /* when it ran among all runs, any clock; else the profile's time */
};

struct gate_run;
struct gate_runs;

/**
 * Reduce one profile of one run. Judged metrics are those that the policy names; without any, those
 * of cpu, alloc_space, alloc_objects and delay that the profile has, else its default sample type.
 * `p` is changed and stays the caller's. The machine is read from our comments ("# cpus:",
 * "# kernel:", "# host:"). The caller owns *ret; -EINVAL: the profile has none of the metrics, or
 * a negative value; -ENOMEM.
 */
int gate_run_reduce(struct profile *p, const struct gate_facts *facts,
		    const struct gate_policy *policy, struct gate_run **ret, struct err *e);
void gate_run_destroy(struct gate_run *run);

/** NULL: out of memory. */
struct gate_runs *gate_runs_create(void);
void gate_runs_destroy(struct gate_runs *runs);

static inline void cleanup_gate_runs(struct gate_runs **runs)
{
	gate_runs_destroy(*runs);
}
#define _cleanup_gate_runs_ __attribute__((cleanup(cleanup_gate_runs)))

/**
 * Add a run to a side; it is consumed, also on failure. A run whose CPU and heap were profiled is
 * two reduced runs, added one after the other: they have no metric in common. -EINVAL: a metric has
 * another unit than before that does not convert; -ENOMEM.
 */
int gate_runs_add(struct gate_runs *runs, enum gate_side side, struct gate_run *run, struct err *e);

/** How many runs of a side have a metric. */
size_t gate_runs_count(const struct gate_runs *runs, enum gate_side side, const char *metric);
