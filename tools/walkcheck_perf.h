/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Records registers and stack bytes of a process by perf_event_open(2). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/unwind.h"
#include "base/err.h"

struct recorder;

/** One sample; `stack` is memory from state.sp upwards and lives until the next call. */
struct stack_sample {
	pid_t tid;
	struct unwind_state state;
	const uint8_t *stack;
	size_t stack_len;
};

/** Start sampling the threads of `pid` on every CPU, `hz` times a second of CPU time; freed with
 * recorder_close(). */
int recorder_open(pid_t pid, uint32_t hz, struct recorder **ret, struct err *e);
void recorder_close(struct recorder *r);

/** The next sample of the process: 1, or 0 if none came within `timeout_ms`. */
int recorder_next(struct recorder *r, int timeout_ms, struct stack_sample *ret);
