/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What the gate shows while it runs commands: how far it is, and the estimate so far. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "gate/looks.h"
#include "gate/policy.h"
#include "gate/runs.h"

/** How far: `round` of `rounds` are done; the rest will take left_ns, 0: not known. */
struct gate_progress {
	uint64_t round, rounds;
	uint64_t left_ns;
};

/**
 * Append "4 of 10 rounds | cpu +1.2% [-0.4%, +2.9%] | 34 s left, Ctrl-C ends", with the total of
 * each judged metric that both sides have; 0 or -ENOMEM.
 */
int gate_progress_format(const struct gate_progress *p, const struct gate_runs *runs,
			 const struct gate_policy *policy, struct buf *to);

/** Append "cpu +1.2% [-0.4%, +2.9%]"; 0 or -ENOMEM. */
int gate_progress_estimate(const char *metric, const struct gate_look *look, struct buf *to);
