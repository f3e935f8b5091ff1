/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The look-up tables behind build.h: from contents to index. Private to this room.
 *
 * They are made when first needed and catch up with entries that were appended to the profile's
 * tables directly, as the decoder does.
 */
#pragma once

#include "base/map.h"
#include "profile/profile.h"

struct profile_intern {
	uint32_t *slots; /* string number + 1, 0 is free; open addressing by hash of the bytes */
	size_t slot_count;
	size_t strings_seen;
	struct map functions; /* struct intern_function_key -> uint32_t */
	size_t functions_seen;
	struct map locations; /* struct intern_location_key -> uint32_t */
	size_t locations_seen;
};

struct intern_function_key {
	uint32_t name, system_name, filename, zero;
	int64_t start_line;
};

struct intern_location_key {
	uint64_t address;
	uint64_t mapping;
};

/** The profile's tables, or NULL if out of memory. */
struct profile_intern *intern_get(struct profile *p);
void intern_destroy(struct profile_intern *in);

/** The slot of `bytes` among all strings of the profile, or of the free place; NULL: no memory. */
uint32_t *intern_string_slot(struct profile *p, struct profile_intern *in, const char *bytes,
			     size_t len);

/** The index slot of a function or location key; *added tells whether it is new. NULL: no memory.
 */
uint32_t *intern_function_slot(struct profile *p, struct profile_intern *in,
			       const struct profile_function *f, bool *added);
uint32_t *intern_location_slot(struct profile *p, struct profile_intern *in, uint32_t mapping,
			       uint64_t address, bool *added);

/** A profile without even the string "", for the decoder; NULL if out of memory. */
struct profile *profile_create_bare(void);

/** Append a string without looking for an equal one; 0 or -ENOMEM. */
int profile_append_string(struct profile *p, const char *bytes, size_t len);
