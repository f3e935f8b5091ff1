/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The profile model: what profile.proto holds, as flat arrays.
 *
 * Tables refer to each other by index: a string, mapping, function or location is a position in its
 * table, never a pointer. PROFILE_NONE stands for "no mapping". Ids (the numbers that the file
 * calls its entries) are kept for writing the profile again and mean nothing else.
 *
 * A profile comes from profile_create() (built, see build.h), profile_decode() (decode.h) or
 * profile_merge() (merge.h) and is freed with profile_destroy(). All fields may be read freely;
 * write through the functions, which keep the tables consistent. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

#define PROFILE_NONE UINT32_MAX

/** A slice of profile.bytes; also followed by a NUL there, but may hold NULs itself. */
struct profile_string {
	size_t start;
	uint32_t len;
};

struct profile_value_type {
	uint32_t type, unit; /* strings */
};

struct profile_mapping {
	uint64_t id;
	uint64_t start, limit; /* addresses, [start, limit) */
	uint64_t offset;       /* in the file, of the byte at `start` */
	uint32_t filename, build_id;
	bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
};

struct profile_function {
	uint64_t id;
	uint32_t name, system_name, filename; /* strings; name demangled, system_name as linked */
	int64_t start_line;                   /* 0: unknown */
};

struct profile_line {
	uint32_t function;
	int64_t line, column; /* 0: unknown */
};

struct profile_location {
	uint64_t id;
	uint64_t address;
	uint32_t mapping;    /* or PROFILE_NONE */
	uint32_t line_count; /* 0: not symbolized */
	size_t line_start;   /* in profile.lines; leaf-most inlined function first */
	bool is_folded;      /* several symbols at this address were folded into one */
};

/** Either a string (str != 0) or a number. */
struct profile_label {
	uint32_t key, str;
	uint32_t unit; /* string; of num */
	int64_t num;
};

struct profile_intern;

struct profile {
	/* Strings; number 0 is "". */
	char *bytes;
	size_t bytes_len, bytes_cap;
	vec_of(struct profile_string) strings;

	vec_of(struct profile_value_type) sample_types;
	vec_of(struct profile_mapping) mappings; /* [0] is the main binary */
	vec_of(struct profile_function) functions;
	vec_of(struct profile_location) locations;
	vec_of(struct profile_line) lines;

	/*
	 * Samples. Number i has the locations stacks[stack_ends[i - 1] .. stack_ends[i]), leaf
	 * first, where stack_ends[-1] counts as 0; the values values[i * sample_types.len ..]; and
	 * the labels of range label_ends[i], in the same way. label_ends is empty when no sample
	 * has labels. Use the accessors below.
	 */
	size_t sample_count;
	vec_of(uint32_t) stacks;
	vec_of(size_t) stack_ends;
	vec_of(int64_t) values;
	vec_of(struct profile_label) labels;
	vec_of(size_t) label_ends;

	vec_of(uint32_t) comments; /* strings */
	uint32_t drop_frames, keep_frames;
	uint32_t default_sample_type, doc_url;
	struct profile_value_type period_type; /* both 0: not given */
	int64_t period;
	int64_t time_nanos; /* since the epoch */
	int64_t duration_nanos;

	struct profile_intern *intern; /* build.c's look-up tables, made when first needed */
	int build_error;               /* see profile_build_error() */
};

/** An empty profile, or NULL if out of memory. */
struct profile *profile_create(void);
void profile_destroy(struct profile *p);

static inline void cleanup_profile(struct profile **p)
{
	profile_destroy(*p);
}
#define _cleanup_profile_ __attribute__((cleanup(cleanup_profile)))

/** The bytes of a string, NUL-terminated; they live until the next string is added. */
static inline const char *profile_str(const struct profile *p, uint32_t string)
{
	return p->bytes + p->strings.items[string].start;
}

static inline size_t profile_str_len(const struct profile *p, uint32_t string)
{
	return p->strings.items[string].len;
}

/** The locations of a sample, leaf first; *count tells how many. */
static inline const uint32_t *profile_stack(const struct profile *p, size_t sample, size_t *count)
{
	size_t start = sample ? p->stack_ends.items[sample - 1] : 0;

	*count = p->stack_ends.items[sample] - start;
	return p->stacks.items + start;
}

/** The values of a sample, one for each of p->sample_types. */
static inline int64_t *profile_values(const struct profile *p, size_t sample)
{
	return p->values.items + sample * p->sample_types.len;
}

/** The labels of a sample in the order of the file; *count tells how many. */
static inline const struct profile_label *profile_labels(const struct profile *p, size_t sample,
							 size_t *count)
{
	*count = 0;
	if (p->label_ends.len == 0)
		return NULL;
	size_t start = sample ? p->label_ends.items[sample - 1] : 0;
	*count = p->label_ends.items[sample] - start;
	return p->labels.items + start;
}

/** The lines of a location, innermost inlined function first; there are location->line_count. */
static inline const struct profile_line *profile_lines(const struct profile *p,
						       const struct profile_location *location)
{
	return p->lines.items + location->line_start;
}
