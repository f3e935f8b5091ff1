/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What comes through the CPU profile's ring buffer: stacks, walks to finish, and the life of the
 * targets. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "collect/processes.h"
#include "collect/samples.h"
#include "unwind/tables.h"

struct sideband;

/** What the events act on; everything but `recalled` is borrowed. */
struct cpu_events {
	struct processes *processes;
	struct samples *samples;
	const struct unwind_tables *tables;
	struct sideband *sideband;    /* consumed before a walk that lacked a mapping is finished */
	struct mapping_list recalled; /* room for history_recall(), owned */
	uint64_t period_ns;           /* what a sample stands for */
	uint64_t deadline_ns; /* stop handling then, CLOCK_MONOTONIC: the rest waits for the next
				 call */
	uint64_t deferred;    /* walks finished here */
	uint64_t malformed;   /* records of an impossible size: never, unless memory is damaged */
};

/** Act on one record of the ring; its signature is libbpf's ring_buffer_sample_fn. 0, or -EAGAIN
 * past the deadline. */
int cpu_events_handle(void *cpu_events, void *record, size_t size);
