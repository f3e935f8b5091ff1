/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** From the collector's samples to a CPU profile. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "collect/cpu.h"
#include "profile/profile.h"
#include "symbolize/symbolize.h"

struct cpu_profile_options {
	uint32_t hz;
	bool label_pid; /* implied when samples come from several processes */
	bool label_tid, label_cpu, label_thread;
	bool symbols;
};

/**
 * Build the profile of everything that `c` holds: samples/count and cpu/nanoseconds, one mapping
 * for each file and segment with the addresses of the first process seen, the executable with most
 * samples first; *stats tells which locations got no name. The caller owns *ret.
 */
int cpu_profile_build(const struct cpu_profile_options *o, struct cpu_collector *c,
		      struct profile **ret, struct symbolize_stats *stats, struct err *e);
