/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The comments of a profile: how it was made, on what machine, and what is missing from it. */
#pragma once

#include "profile/profile.h"
#include "session/session.h"
#include "symbolize/symbolize.h"

/**
 * Add, one comment each: the command line; the profiler, host, kernel and CPUs; how many samples
 * there are, incomplete and lost ones by reason; the CPU time sampled beside the kernel's own
 * count, or what was seen of the heap and what that cost; and how many addresses have no name, by
 * reason.
 */
void comments_add(struct profile *p, const char *command_line, const struct session_stats *stats,
		  const struct symbolize_stats *names);
