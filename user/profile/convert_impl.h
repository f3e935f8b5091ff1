/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What the converters share. Private to this room. */
#pragma once

#include "base/map.h"
#include "profile/build.h"
#include "profile/convert.h"

struct converter {
	struct profile *p;
	char *next;  /* text not yet read; lines are cut out of it in place */
	char *end;   /* of all bytes; there is a NUL */
	size_t line; /* number of the last line, from 1 */
	struct err *e;
	vec_of(uint32_t) stack; /* of the sample being read */
};

/** The next line without its end, or NULL; it lives as long as the text. */
char *convert_line(struct converter *c);

/** Fail at the last line. */
int convert_fail(struct converter *c, const char *what);

/** Add a location for an address without a name to the stack. */
int convert_push_address(struct converter *c, uint64_t address);

/** Add a location for a name to the stack; `mapping` may be PROFILE_NONE. */
int convert_push_name(struct converter *c, uint32_t mapping, const char *name, size_t len);

/** Read /proc/PID/maps lines up to the end, and give locations their mappings. */
int convert_memory_map(struct converter *c);

/** Whether a line begins the memory map. */
bool convert_is_memory_map(const char *line);

/** Whether the text is of this kind; then read all of it. */
bool convert_is_heap(const char *text);
int convert_heap(struct converter *c);
bool convert_is_contention(const char *text);
int convert_contention(struct converter *c);
bool convert_is_cpu(const void *data, size_t len);
int convert_cpu(struct converter *c, const void *data, size_t len);
bool convert_is_perf(const char *text);
int convert_perf(struct converter *c);
bool convert_is_collapsed(const char *text);
int convert_collapsed(struct converter *c);
