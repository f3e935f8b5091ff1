/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Building a profile. Works on any profile, decoded ones too.
 *
 * Out of memory is sticky: once something could not be stored, profile_build_error() says -ENOMEM,
 * and everything added since is lost; check once, before the profile is used. The functions that
 * return an index then return 0, which is only good for passing on.
 *
 * Entries are numbered in the order in which they were first added, so equal calls make equal
 * profiles.
 */
#pragma once

#include "profile/profile.h"

/** 0, or -ENOMEM if anything added so far was lost. */
int profile_build_error(const struct profile *p);

/** The number of a string of `len` bytes, added if new; "" is 0. */
uint32_t profile_intern(struct profile *p, const char *bytes, size_t len);

/** As profile_intern(), of a C string; NULL counts as "". */
uint32_t profile_intern_cstr(struct profile *p, const char *s);

/** Declare one more value of every sample. All sample types come before the first sample. */
void profile_add_sample_type(struct profile *p, const char *type, const char *unit);

void profile_set_period(struct profile *p, const char *type, const char *unit, int64_t period);
void profile_set_default_sample_type(struct profile *p, const char *type);
void profile_set_doc_url(struct profile *p, const char *url);
void profile_add_comment(struct profile *p, const char *comment);

/**
 * Add a mapping; `id` is ignored, everything else is taken over. Not deduplicated. The has_* flags
 * may be set later through p->mappings.items[i].
 */
uint32_t profile_add_mapping(struct profile *p, const struct profile_mapping *mapping);

/** The location of an address in a mapping (or PROFILE_NONE), added without lines if new. */
uint32_t profile_add_location(struct profile *p, uint32_t mapping, uint64_t address);

/**
 * Name a location: `count` lines, innermost inlined function first, replacing those it had. Lines
 * do not tell locations apart here; the address does.
 */
void profile_location_set_lines(struct profile *p, uint32_t location,
				const struct profile_line *lines, size_t count);

/** The number of a function (its `id` is ignored), added if no equal one exists. */
uint32_t profile_add_function(struct profile *p, const struct profile_function *function);

/**
 * Add a sample: `depth` locations, leaf first, one value for each sample type, and labels. Not
 * merged with equal samples.
 */
void profile_add_sample(struct profile *p, const uint32_t *stack, size_t depth,
			const int64_t *values, const struct profile_label *labels,
			size_t label_count);
