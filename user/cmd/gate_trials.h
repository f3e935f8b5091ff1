/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Runs of two commands for the gate.
 *
 * They are made in pairs, one of each side, in random order within a pair: what drifts on a machine
 * (heat, neighbours, caches) comes to both sides alike. CPU and heap are profiled in pairs of
 * their own, since a heap's probes would be seen in the CPU profile. Between pairs the looks of
 * gate/looks.h are taken: runs end early where all metrics have clearly regressed, and functions
 * can be judged. What is judged is added to `runs`.
 *
 * signals_install() must have been called. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cmd/gate_keep.h"
#include "cmd/gate_merge.h"
#include "cmd/gate_options.h"
#include "gate/policy.h"
#include "gate/runs.h"

enum gate_trials_end {
	GATE_TRIALS_ALL,
	GATE_TRIALS_EARLY,       /* a regression was clear */
	GATE_TRIALS_TIME,        /* the time limit */
	GATE_TRIALS_INTERRUPTED, /* by a signal */
};

struct gate_trials_plan {
	const struct gate_options *o;
	const struct gate_policy *policy; /* its metrics are judged */
	struct gate_runs *runs;
	struct gate_merge *merge; /* NULL: no profiles are merged */
	const struct gate_keep *keep;
};

struct gate_trials_result {
	enum gate_trials_end end;
	uint64_t rounds;     /* complete ones: a pair for each kind of profile */
	double alpha_spent;  /* by looks that were or could have been taken */
	uint64_t rate_bytes; /* of heap profiles, if it had to be raised; else 0 */
	size_t left;         /* processes that commands left behind, and that were ended */
	bool untestable;     /* on failure: it was the new side's command */
};

/** Whether the metrics of the policy can be profiled. -EINVAL names one that cannot. */
int gate_trials_check(const struct gate_policy *policy, struct err *e);

/**
 * Make the runs. -ECHILD: a command failed, or printed something else; what it wrote to standard
 * error is said. -ETIMEDOUT, -EINTR: the end came before both sides were measured once. Others are
 * the profiler's or the files'.
 */
int gate_trials_run(const struct gate_trials_plan *plan, struct gate_trials_result *ret,
		    struct err *e);
