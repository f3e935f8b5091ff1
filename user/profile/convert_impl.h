/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What the converters share. Private to this room. */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "profile/build.h"
#include "profile/convert.h"

struct converter {
	struct profile *p;
	char *next;    /* text not yet read; lines are cut out of it in place */
	char *end;     /* of all bytes; there is a NUL */
	char *current; /* the last line; NULL before the first and after the last */
	size_t line;   /* its number, from 1 */
	struct err *e;
	vec_of(uint32_t) stack; /* of the sample being read */
	const char *binary;     /* what the symbol section calls the program, or NULL */
	struct map symbols;     /* uint64_t address -> char *names, of the symbol section */
};

/** The next line without its end, or NULL; it lives as long as the text. */
char *convert_line(struct converter *c);

/** Whether a line holds nothing but blanks or a '#' comment. */
bool convert_is_comment(const char *line);

/** Fail at the last line. */
int convert_fail(struct converter *c, const char *what);

/** Add a location for an address without a name to the stack. */
int convert_push_address(struct converter *c, uint64_t address);

/**
 * Add all "0x..." in `len` bytes of text to the stack. Return addresses: one before each is in the
 * call, and of the leaf too if `leaf_returns`.
 */
int convert_take_stack(struct converter *c, const char *text, size_t len, bool leaf_returns);

/** As much of a text as is "@"'s stack of addresses. */
size_t convert_stack_len(const char *text);

/** Add a location for a name to the stack; `mapping` may be PROFILE_NONE. */
int convert_push_name(struct converter *c, uint32_t mapping, const char *name, size_t len);

/** Add a sample of the stack, which is empty then; the label may be NULL. */
void convert_add_sample(struct converter *c, const int64_t *values,
			const struct profile_label *label);

/** Take the duplicate out that a leaf known from both registers and stack leaves behind. */
void convert_drop_doubled_leaves(struct profile *p);

/** Read /proc/PID/maps lines up to the end, and give locations their mappings. */
int convert_memory_map(struct converter *c);

/** The same, of a memory map that begins somewhere behind or at the current line. */
int convert_rest(struct converter *c);

/** Whether a line begins the memory map. */
bool convert_is_memory_map(const char *line);

/**
 * Read "--- symbol" if the text begins with it, up to the profile itself. convert_apply_symbols()
 * then gives the locations their names.
 */
int convert_symbols(struct converter *c);
void convert_apply_symbols(struct converter *c);

/** The value as Go makes an integer of it. */
int64_t convert_integer(double v);

/** Whether the text is of this kind; then read all of it. */
bool convert_is_heap(const char *text);
int convert_heap(struct converter *c);
bool convert_is_contention(const char *text);
int convert_contention(struct converter *c);
bool convert_is_threads(const char *text);
int convert_threads(struct converter *c);
bool convert_is_count(const char *text);
int convert_count(struct converter *c);
bool convert_is_cpu(const void *data, size_t len);
int convert_cpu(struct converter *c);
bool convert_is_perf(const char *text);
int convert_perf(struct converter *c);
bool convert_is_collapsed(const char *text);
int convert_collapsed(struct converter *c);
