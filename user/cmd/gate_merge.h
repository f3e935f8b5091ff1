/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The profiles of each side added up, for pprof's -diff_base and for a picture. Runs that profiled
 * different things (CPU, the heap) are kept apart. Not thread-safe.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "cmd/gate_options.h"
#include "profile/merge.h"
#include "profile/profile.h"

/** What a profile is of: "cpu", "heap", "delay", else the name of its last sample type. */
const char *gate_merge_kind(const struct profile *p);

struct gate_merged {
	char *kind;
	struct profile_merger *mergers[GATE_SIDES];
	double work[GATE_SIDES]; /* done in all runs; of runs without it, their number */
	struct profile
		*profiles[GATE_SIDES]; /* after gate_merge_finish(); NULL: the side has none */
};

/** Zeroed storage has no profiles. */
struct gate_merge {
	vec_of(struct gate_merged) kinds;
};

void gate_merge_deinit(struct gate_merge *m);

/** Add a run's profile, which is consumed, also on failure. `work` 0: not known. */
int gate_merge_add(struct gate_merge *m, enum gate_side side, struct profile *p, double work,
		   struct err *e);

/** All are added: make the sums. */
int gate_merge_finish(struct gate_merge *m, struct err *e);

/**
 * Append the diff flame graph of a metric to `svg`: the new side, scaled to the base's work, less
 * the base. -ENOENT: not both sides have it.
 */
int gate_merge_draw(const struct gate_merge *m, const char *metric, struct buf *svg, struct err *e);

/** Copy a profile, by encoding it. The caller owns *ret. */
int gate_merge_copy(const struct profile *p, struct profile **ret, struct err *e);
