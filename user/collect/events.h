/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What comes through the ring buffer: stacks, walks to finish, and the life of the targets. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/sample.h"
#include "collect/processes.h"
#include "collect/stacks.h"
#include "unwind/tables.h"

struct sideband;

/**
 * A walk that BPF deferred is finished. `key` is that of the event with the stack's identity, the
 * end of its walk and whether there is a user stack put right; the stack is in the store, unless
 * there was no room for it.
 */
typedef void (*events_finished_fn)(void *ctx, const struct sample_event *event,
				   const struct sample_key *key);

/** The process was forked, runs another program now, or has ended, as the event tells. */
typedef void (*events_changed_fn)(void *ctx, struct process *p, const struct task_event *event);

/** What the events act on; everything but `recalled` is borrowed. */
struct events {
	struct processes *processes;
	struct stacks *stacks;
	const struct unwind_tables *tables;
	struct sideband *sideband;    /* consumed before a walk that lacked a mapping is finished */
	struct mapping_list recalled; /* room for history_recall(), owned */
	events_finished_fn finished;
	events_changed_fn changed; /* may be NULL */
	void *ctx;                 /* of both */
	uint64_t deadline_ns; /* stop handling then, CLOCK_MONOTONIC: the rest waits for the next
				 call */
	uint64_t deferred;    /* walks finished here */
	uint64_t malformed;   /* records of an impossible size: never, unless memory is damaged */
};

/** Act on one record of the ring; its signature is libbpf's ring_buffer_sample_fn. 0, or -EAGAIN
 * past the deadline. */
int events_handle(void *events, void *record, size_t size);
