/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What a hit of our probes costs a process here and now: measured on a child of our own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "collect/uprobe.h"

/** A program, and how it is attached. */
struct probe_cost_program {
	int fd; /* loaded, the caller's */
	enum uprobe_kind kind;
	bool is_return;
};

/**
 * Measure what a call of a function costs more with `n` programs on its first instruction (and its
 * return, for those that ask for it), in nanoseconds of the calling thread's CPU time: the median
 * of some rounds of hundreds of calls. `is_stepped`: the instruction is one that the kernel must
 * single-step, not one that it emulates.
 *
 * The programs run as they would in a target, some thousand times, in a process that is none: its
 * calls pass 1 as every argument and return 0. Takes some milliseconds, and as long as detaching
 * takes. Neither the child nor a probe outlives us. *ret_ns is untouched on failure.
 */
int probe_cost_measure(const struct probe_cost_program *programs, size_t n, bool is_stepped,
		       double *ret_ns, struct err *e);
