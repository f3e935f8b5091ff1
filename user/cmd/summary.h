/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What a capture tells at its end. Pure text of figures. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "session/session.h"

#define SUMMARY_PERCENT_MAX 16

/**
 * The share of complete stacks among all user samples, lost ones included: "99.96%", cut and not
 * rounded, so that "100%" means all of them. False and "" if there is no user sample.
 */
bool summary_complete(const struct session_stats *s, char to[SUMMARY_PERCENT_MAX]);

/**
 * The figures of the line at the end: samples, duration, complete stacks, incomplete and lost ones
 * by reason, CPU time sampled beside the kernel's own count. Appends, no newline; 0 or -ENOMEM.
 */
int summary_format(struct buf *to, const struct session_stats *s);

/**
 * What -v adds: a line for each reason and mapping of incomplete stacks, for each reason of lost
 * samples, and the profiler's own CPU time. Lines end with a newline; 0 or -ENOMEM.
 */
int summary_details(struct buf *to, const struct session_stats *s);
