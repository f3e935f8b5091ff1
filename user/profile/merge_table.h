/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Entries of several profiles, made one. Private to this room. */
#pragma once

#include "base/map.h"
#include "profile/merge_slots.h"
#include "profile/profile.h"

/** A profile that is added: its numbers, and what they are in the sum; PROFILE_NONE: not there. */
struct merge_source {
	struct profile *p;
	uint32_t *mappings, *functions, *locations, *strings;
};

struct merge_table {
	struct profile *out;
	struct map mappings; /* what makes mappings equal -> number */
	struct slots locations, samples;
	struct merge_source source, last; /* being added; the one before it */
};

void merge_table_init(struct merge_table *t, struct profile *out);
void merge_table_deinit(struct merge_table *t);

/** Add all samples of `p`, which is consumed, and what they refer to. 0 or -ENOMEM. */
int merge_table_add(struct merge_table *t, struct profile *p);

/** Whether all values of a sample are 0. */
bool merge_is_zero(const struct profile *p, size_t sample);

/**
 * Fill in what `source` has at the same place as `last`: profiles of one program often begin with
 * the same strings, functions and locations, and comparing neighbours in memory is far quicker than
 * looking each up.
 */
void merge_source_take_same(struct merge_source *source, const struct merge_source *last);

/** Tables for `p`, which is owned from now on, in any case. 0 or -ENOMEM. */
int merge_source_init(struct merge_source *s, struct profile *p);
void merge_source_deinit(struct merge_source *s);
