/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The line that a capture shows on a terminal while it runs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "session/session.h"

#define PROGRESS_PERIOD_NS 250000000ULL

struct progress {
	int fd; /* of our own, that never blocks; -1: nothing is shown */
	uint64_t drawn_ns;
	bool shown;
	uint64_t start_ns, start_cpu_ns; /* of the first line: what starting took is not shown */
};

/**
 * Show progress on the terminal that `fd` is, if it is one; -1: show nothing. A terminal that takes
 * no output (Ctrl-S, a dead connection) does not hold up the caller: the line is left out.
 */
void progress_init(struct progress *p, int fd);

/** Take the line away, and show no more. */
void progress_deinit(struct progress *p);

/** Whether the line is to be drawn anew: there is one, and PROGRESS_PERIOD_NS have passed. */
bool progress_due(const struct progress *p);

/** Draw a line of one's own, where there is one to draw (p->fd >= 0). */
void progress_show(struct progress *p, const char *text);

/** Draw the line. `left_ns`: 0 if there is no end. The profiler's own CPU is since the first line.
 */
void progress_draw(struct progress *p, const struct session_stats *s, uint64_t left_ns);

/**
 * The text of the line, without what drives the terminal. `own_cpu`: the profiler's, as a share of
 * one CPU; negative: not known. Appends; 0 or -ENOMEM.
 */
int progress_format(struct buf *to, const struct session_stats *s, uint64_t left_ns,
		    double own_cpu);
