/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Adding profiles up, with the results of google/pprof (profile/merge.go and
 * internal/measurement of 2026-09).
 */
#pragma once

#include "base/err.h"
#include "profile/profile.h"

/**
 * Make one profile of several. Equal mappings (size, offset, build id or file), functions,
 * locations and samples (stack and labels) become one; samples whose values are all 0 are left
 * out; values are scaled to the finer unit. Sample types that not all profiles have are dropped;
 * the order is that of the first. Labels come out sorted, strings first.
 *
 * The first profile gives the period type and drop_frames, the earliest the time; durations are
 * added. All `count` profiles are consumed and their pointers cleared, also on failure; the caller
 * owns *ret. -EBADMSG: the profiles are of different kinds.
 */
int profile_merge(struct profile **profiles, size_t count, struct profile **ret, struct err *e);

/**
 * The same, one profile at a time, so that they need not all be in memory: create, add each,
 * finish. Where types go or units get finer after the second profile, the sum of those before is
 * changed, not each of them: what has cancelled out by then is gone.
 *
 * Adding consumes the profile, also on failure. finish() hands the sum over, which the caller owns;
 * the merger is freed with profile_merger_destroy() in any case.
 */
struct profile_merger;

struct profile_merger *profile_merger_create(void); /* NULL: out of memory */
void profile_merger_destroy(struct profile_merger *m);
int profile_merger_add(struct profile_merger *m, struct profile *p, struct err *e);
int profile_merger_finish(struct profile_merger *m, struct profile **ret, struct err *e);

/**
 * Drop the sample types that occur twice, as pprof does even with a single profile. -EBADMSG if
 * none is left.
 */
int profile_check_types(struct profile *p, struct err *e);

/** Scale the values of `p` so that the sum of each type is that of `base`. */
int profile_normalize(struct profile *p, const struct profile *base, struct err *e);

/** Subtract: negate the values of `base`, mark its samples with PROFILE_BASE_LABEL if asked, and
 * merge. Both are consumed. */
int profile_subtract(struct profile *p, struct profile *base, bool mark, struct profile **ret,
		     struct err *e);
