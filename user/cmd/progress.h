/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The line that a capture shows on a terminal while it runs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "session/session.h"

#define PROGRESS_PERIOD_NS 250000000ULL

struct progress {
	int fd; /* -1: nothing is shown */
	uint64_t drawn_ns;
	bool shown;
};

/** Show progress on `fd`, if `enabled` and it is a terminal. */
void progress_init(struct progress *p, int fd, bool enabled);

/** Draw the line anew, at most once in PROGRESS_PERIOD_NS. `left_ns`: 0 if there is no end. */
void progress_draw(struct progress *p, struct session *s, uint64_t left_ns);

/** Take the line away. */
void progress_clear(struct progress *p);

/** The text of the line, without what drives the terminal. */
int progress_format(struct buf *to, const struct session_stats *s, uint64_t left_ns);
