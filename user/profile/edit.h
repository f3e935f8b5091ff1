/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Changing a profile as a whole, in place. */
#pragma once

#include "profile/profile.h"

#define EDIT_DROP SIZE_MAX

/**
 * Called for each sample in order: may change its stack in place and returns how many locations
 * remain, or EDIT_DROP to take the sample out.
 */
typedef size_t edit_fn(void *context, size_t sample, uint32_t *stack, size_t depth);

void profile_edit_samples(struct profile *p, edit_fn *edit, void *context);

/** Keep the labels for which `keep` says so. */
void profile_edit_labels(struct profile *p,
			 bool (*keep)(void *context, const struct profile_label *label),
			 void *context);

/** Add a string label to every sample; it replaces those of the same key. 0 or -ENOMEM. */
int profile_label_all(struct profile *p, const char *key, const char *value);

/**
 * Multiply the values of each type, rounding half away from zero. Samples all of whose scaled
 * values are 0 are taken out (a ratio of 1 does not scale); nothing happens if all ratios are 1.
 */
void profile_scale(struct profile *p, const double *ratios);

/** Keep one of the values of each sample, and give the memory of the others back. */
void profile_keep_value(struct profile *p, size_t index);

/**
 * Make equal strings one number, so that comparing numbers compares contents. 0 or -ENOMEM.
 */
int profile_unify_strings(struct profile *p);

/**
 * Give the locations of a profile without mappings an empty one, as pprof does to each profile that
 * it reads, before it merges them. 0 or -ENOMEM.
 */
int profile_add_missing_mapping(struct profile *p);
