/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The kernel's side-band records: which processes got new executable mappings (PERF_RECORD_MMAP2).
 *
 * The records only say whose mappings are out of date; what they are is read from /proc.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct sideband;

/** Called for each record: `pid` as we see it; 0 when records were lost, and any process may have
 * changed. */
typedef void (*sideband_fn)(void *ctx, pid_t pid);

/** Start to record on all CPUs; the caller frees *ret with sideband_close(). */
int sideband_open(sideband_fn fn, void *ctx, struct sideband **ret, struct err *e);
void sideband_close(struct sideband *s);

/** Hand over what has been recorded so far. */
void sideband_consume(struct sideband *s);
