/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What a hit of our probes costs a process here and now: measured on a child of our own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "collect/uprobe.h"

#define PROBE_COSTS_MAX 4

/** A program, and how it is attached. */
struct probe_cost_program {
	int fd; /* loaded, the caller's */
	enum uprobe_kind kind;
	bool is_return;
};

/** What to measure. */
struct probe_cost {
	const struct probe_cost_program *programs; /* on a function's first instruction, */
	size_t n;
	bool is_stepped; /* which the kernel must single-step, or else emulates */
	double ns;       /* the answer: what a call costs more */
	bool kills;      /* the answer, for the last cost alone: see below */
};

/**
 * Measure up to PROBE_COSTS_MAX costs, in nanoseconds of the calling thread's CPU time: each the
 * median of some rounds of a hundred calls.
 *
 * The programs run as they would in a target, some thousand times, in a process that is none: its
 * calls pass 1 as every argument and return 0. Takes some milliseconds. The child does not outlive
 * this. What is attached to it is added to *links, for the caller to detach when that is no delay.
 * On failure nothing is, and the answers are not to be used.
 *
 * At its end the child is confined by seccomp to exit(2) alone, and calls the last cost's function
 * once more: where the kernel returns from a probed function by a system call (6.11) that filters
 * see (before 6.12.14, 6.13.3 and 6.14: cf6cb56ef244 "seccomp: passthrough uretprobe systemcall
 * without filtering") this kills it, as it would any sandboxed target.
 */
int probe_cost_measure(struct probe_cost *costs, size_t n, struct uprobe_links *links,
		       struct err *e);
