/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What the targets of the heap profile have in common: an exact account, by function, of what was
 * allocated and what of it is live, and the lines that tell a test where they are. C11 and C++.
 *
 * A target that is told by a byte on standard input when to go on (or that reads an end of file
 * there, and goes on at once) prints
 *
 *     ready                                 attach now
 *     row FUNCTION ALLOCS BYTES LIVE BYTES  one for each function, when all work is done
 *     done                                  detach now; it ends with the next byte
 *
 * Rows count successful calls and the bytes that were asked for. Nothing here allocates.
 */
#pragma once

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "target.h"

struct alloc_row {
	const char *name;
	uint64_t allocs, bytes, frees, freed_bytes;
};

#define ALLOC_ROWS_MAX 64

static struct alloc_row alloc_rows[ALLOC_ROWS_MAX];
static unsigned alloc_rows_len;

/** The row of a function; rows are made by one thread, before others count in them. */
static inline struct alloc_row *alloc_row(const char *name)
{
	for (unsigned i = 0; i < alloc_rows_len; i++)
		if (strcmp(alloc_rows[i].name, name) == 0)
			return &alloc_rows[i];
	if (alloc_rows_len == ALLOC_ROWS_MAX)
		abort();
	memset(&alloc_rows[alloc_rows_len], 0, sizeof(alloc_rows[0]));
	alloc_rows[alloc_rows_len].name = name;
	return &alloc_rows[alloc_rows_len++];
}

/** `row` got so many bytes. */
static inline void alloc_add(struct alloc_row *row, size_t bytes)
{
	__atomic_fetch_add(&row->allocs, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&row->bytes, bytes, __ATOMIC_RELAXED);
}

/** What `row` had got is free again, whoever freed it. */
static inline void alloc_remove(struct alloc_row *row, size_t bytes)
{
	__atomic_fetch_add(&row->frees, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&row->freed_bytes, bytes, __ATOMIC_RELAXED);
}

/** A line on standard output, without stdio's buffer: that one is allocated. */
__attribute__((format(printf, 1, 2))) static inline void alloc_say(const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	int len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		abort();
}

/** Wait for a byte, or find that none will come. */
static inline void alloc_wait(void)
{
	char byte;

	if (read(STDIN_FILENO, &byte, 1) < 0)
		abort();
}

/** Tell the test to attach, and wait until it has. */
static inline void alloc_begin(void)
{
	alloc_say("ready\n");
	alloc_wait();
}

/** Tell the account. */
static inline void alloc_rows_say(void)
{
	for (unsigned i = 0; i < alloc_rows_len; i++) {
		const struct alloc_row *r = &alloc_rows[i];
		alloc_say("row %s %llu %llu %llu %llu\n", r->name, (unsigned long long)r->allocs,
			  (unsigned long long)r->bytes, (unsigned long long)(r->allocs - r->frees),
			  (unsigned long long)(r->bytes - r->freed_bytes));
	}
}

/** Tell the account, and wait until the test has detached. */
static inline void alloc_end(void)
{
	alloc_rows_say();
	alloc_say("done\n");
	alloc_wait();
}
