/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The cpu-clock events: one on each online CPU, running a BPF program at each tick.
 *
 * A fixed period locks onto timers of the programs watched, so each CPU's rate is redrawn about ten
 * times a second, uniformly within +-16% of its mean. Redrawing restarts the timer, which throws
 * away half a period on average; the mean is set higher by that much, so that there are `hz` ticks
 * a second and each stands for 1/hz.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"

struct perf_event_mmap_page;

struct tick_event {
	int fd;
	struct perf_event_mmap_page
		*ring; /* the kernel's records about throttling; NULL if it could not be mapped */
	uint64_t throttled_since_ns; /* CLOCK_MONOTONIC; 0 while it runs */
};

struct ticks {
	vec_of(struct tick_event) events; /* one per online CPU */
	uint64_t period_ns;               /* the mean */
	uint64_t redrawn_ns;              /* when last, CLOCK_MONOTONIC */
	uint64_t random;
	uint64_t throttled_ns; /* time that events were held back by the kernel's throttle */
};

/** Open the events, stopped, with program `prog_fd` attached. *t is zeroed storage; ticks_deinit()
 * in any case. */
int ticks_init(struct ticks *t, uint32_t hz, int prog_fd, struct err *e);
void ticks_deinit(struct ticks *t);

int ticks_start(struct ticks *t, struct err *e);
void ticks_stop(struct ticks *t);

/** Redraw the periods if that is due; to be called ten times a second. */
void ticks_redraw(struct ticks *t, uint64_t now_ns);

/** Read what the kernel said about throttling; returns how many ticks it has suppressed since the
 * start. */
uint64_t ticks_throttled(struct ticks *t);
