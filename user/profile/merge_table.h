/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Entries of several profiles, made one. Private to this room. */
#pragma once

#include "base/map.h"
#include "profile/profile.h"

struct merge_table {
	struct profile *out;
	struct map mappings;      /* what makes mappings equal -> number */
	uint32_t *location_slots; /* number + 1; open addressing */
	size_t location_slot_count;
	uint32_t *sample_slots;
	size_t sample_slot_count;
	/* Where the last profile's strings, functions and locations went: profiles of one program
	 * often have the same at the same place, which is quickly seen. */
	vec_of(uint32_t) last_strings, last_functions, last_locations;
};

void merge_table_init(struct merge_table *t, struct profile *out);
void merge_table_deinit(struct merge_table *t);

/**
 * Add all samples of `p` and what they refer to. `p` is used up: only profile_destroy() may follow.
 * 0 or -ENOMEM.
 */
int merge_table_add(struct merge_table *t, struct profile *p);

/** Whether all values of a sample are 0. */
bool merge_is_zero(const struct profile *p, size_t sample);
