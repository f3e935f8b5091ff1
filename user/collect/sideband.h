/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The kernel's side-band records from all CPUs: new executable mappings (PERF_RECORD_MMAP2) and
 * where a process begins to execute another program (PERF_RECORD_COMM with its exec flag).
 *
 * /proc tells the same with less effort, but only as long as the process lives and runs the same
 * program.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "proc/maps.h"

struct sideband;

struct sideband_record {
	pid_t pid;        /* as we see it */
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	bool executes;    /* a new program; its mappings come after this. Else a mapping: */
	struct proc_mapping mapping; /* its path lives for the call */
};

/** Called for each record, in order for each CPU; NULL when records were lost, and any process may
 * have changed. */
typedef void (*sideband_fn)(void *ctx, const struct sideband_record *r);

/** Start to record on all CPUs; the caller frees *ret with sideband_close(). */
int sideband_open(sideband_fn fn, void *ctx, struct sideband **ret, struct err *e);
void sideband_close(struct sideband *s);

/** Hand over what has been recorded so far. */
void sideband_consume(struct sideband *s);

/** A descriptor to poll: readable when there are records. */
int sideband_fd(const struct sideband *s);
