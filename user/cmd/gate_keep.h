/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The directory of --keep:
 *
 *     base-01.cpu.pb.gz, new-01.heap.pb.gz    the profile of each run of a command
 *     base.cpu.pb.gz, new.cpu.pb.gz           all of a side merged, for -diff_base
 *     work.txt                                the work of each run, as --per-file takes it
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cmd/gate_options.h"
#include "profile/profile.h"

struct gate_keep {
	const char *dir; /* NULL: nothing is kept */
	int digits;      /* of a run's number */
};

/**
 * Make the directory unless it is there; under sudo it and all in it belong to who called that.
 * `runs`: how many a side will be written; what an earlier gate kept of runs goes then, so that a
 * pattern matches these alone. 0: none. `dir` may be NULL.
 */
int gate_keep_open(struct gate_keep *k, const char *dir, uint64_t runs, struct err *e);

/** Keep the profile of a run (from 1 on), or the merged one of a side (0). */
int gate_keep_profile(const struct gate_keep *k, enum gate_side side, uint64_t run,
		      const struct profile *p, struct err *e);

/** Note the work of a run whose profile is of this kind. */
int gate_keep_work(const struct gate_keep *k, enum gate_side side, uint64_t run, const char *kind,
		   double work, struct err *e);
