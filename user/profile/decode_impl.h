/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What decode.c, decode_table.c and decode_check.c share. Private to this room. */
#pragma once

#include "base/map.h"
#include "profile/decode.h"
#include "profile/stream.h"
#include "profile/wire.h"

/*
 * Until the tables are complete, a reference to a mapping, function or location holds the id
 * itself, or for ids that do not fit BIG_ID | the number of the id in decoder.big_ids.
 */
#define BIG_ID 0x80000000u

struct decoder {
	struct profile *p;
	struct stream stream;
	const uint8_t *base;  /* first byte of the top-level field being read ... */
	uint64_t base_offset; /* ... and its place in the profile */

	struct map big_ids; /* uint64_t -> uint32_t, its own number */

	/* The largest string number used, and where: checked once all strings are known. */
	uint64_t string_max, string_max_at;
	const char *string_max_message, *string_max_field;

	/* Where each entry begins, for error messages. */
	vec_of(uint64_t) sample_at, mapping_at, function_at, location_at;

	/*
	 * All samples must have as many values as there are types. The first that has another
	 * number than sample 0 is noted here; from then on samples are no longer stored.
	 */
	size_t samples_seen, first_values;
	size_t odd_sample, odd_values; /* odd_sample is SIZE_MAX while there is none */
	uint64_t odd_at;

	struct buf *problems; /* not NULL: list problems there and go on */
	size_t problem_count;
	struct err *e;
};

/** Fail with "MESSAGE.FIELD: what" at a byte of the current top-level field. */
int decode_fail(struct decoder *d, const char *message, const char *field, const uint8_t *pos,
		const char *what);

int decode_no_memory(struct decoder *d);

/** Decode one top-level message of the kind of its name. */
int decode_value_type(struct decoder *d, struct cursor c, struct profile_value_type *to,
		      const char *message);
int decode_mapping(struct decoder *d, struct cursor c);
int decode_function(struct decoder *d, struct cursor c);
int decode_location(struct decoder *d, struct cursor c);
int decode_sample(struct decoder *d, struct cursor c);

/** Note a reference to a string, to be checked at the end. */
uint32_t decode_string_ref(struct decoder *d, uint64_t number, const char *message,
			   const char *field, const uint8_t *pos);

/** Resolve all references, and check what pprof's CheckValid checks, in its order. */
int decode_finish(struct decoder *d);
