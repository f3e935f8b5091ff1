// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What gperftools and jemalloc write. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "profile/convert_impl.h"
#include "profile/edit.h"

/* Numbers in a row, between any of `blanks`; false if there is none. */
static bool take_number(char **at, const char *blanks, int64_t *to)
{
	char *end;

	*at += strspn(*at, blanks);
	errno = 0;
	*to = strtoll(*at, &end, 10);
	if (end == *at || errno)
		return false;
	*at = end;
	return true;
}

static int64_t to_integer(double v)
{
	return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

/* "@ 0x1 0x2": return addresses, so one before them is in the call. */
static int take_stack(struct converter *c, char *at)
{
	c->stack.len = 0;
	at = strchr(at, '@');
	for (at = at ? at + 1 : NULL; at && *at;) {
		char *end;
		at += strspn(at, " \t");
		uint64_t address = strtoull(at, &end, 16);
		if (end == at)
			break;
		if (convert_push_address(c, address - 1) < 0)
			return -ENOMEM;
		at = end;
	}
	return 0;
}

bool convert_is_heap(const char *text)
{
	return strncmp(text, "heap profile:", 13) == 0 || strncmp(text, "heap_v2/", 8) == 0;
}

struct heap {
	int64_t rate; /* of sampling, in bytes */
	bool scale;   /* values are those of the samples */
	bool allocs;  /* there are allocated values besides those in use */
};

/* "1: 2 [3: 4] @": in use and allocated, objects and bytes. */
static bool take_values(char *line, int64_t v[4])
{
	for (int i = 0; i < 4; i++) {
		if (!take_number(&line, " :[\t", &v[i]))
			return false;
	}
	return true;
}

static int heap_header(struct converter *c, char *line, struct heap *h)
{
	int64_t v[4];
	char *at = strchr(line, '@');
	char *slash = at ? strchr(at, '/') : NULL;

	/* jemalloc: "heap_v2/524288", the values are the samples'. */
	if (strncmp(line, "heap_v2/", 8) == 0) {
		h->scale = true;
		h->rate = strtoll(line + 8, NULL, 10);
		return 0;
	}
	if (!at || !take_values(line + 13, v))
		return convert_fail(c, "no header of a heap profile");
	h->allocs = (v[2] != v[0] && v[2] != 0) || (v[3] != v[1] && v[3] != 0);
	h->rate = slash ? strtoll(slash + 1, NULL, 10) : 0;
	at += 1 + strspn(at + 1, " ");
	if (strncmp(at, "heapprofile", 11) == 0)
		h->rate = 1;
	else if (strncmp(at, "heap_v2", 7) == 0 || strncmp(at, "heapz_v2", 8) == 0)
		h->scale = true;
	else if (strncmp(at, "heap/", 5) == 0) {
		/* Go's and the oldest: twice the rate. */
		h->scale = true;
		h->rate /= 2;
	}
	return 0;
}

/* A block of this size is sampled with probability 1 - exp(-size/rate). */
static void scale_values(const struct heap *h, int64_t *count, int64_t *bytes)
{
	if (!h->scale || h->rate <= 1)
		return;
	if (*count == 0 || *bytes == 0) {
		*count = *bytes = 0;
		return;
	}
	double average = (double)*bytes / (double)*count;
	double factor = 1 / (1 - exp(-average / (double)h->rate));
	*count = to_integer((double)*count * factor);
	*bytes = to_integer((double)*bytes * factor);
}

static int heap_sample(struct converter *c, char *line, char *stack, const struct heap *h)
{
	int64_t v[4];

	if (!take_values(line, v))
		return convert_fail(c, "no sample of a heap profile");
	if ((v[0] == 0 && v[1] != 0) || (v[2] == 0 && v[3] != 0))
		return convert_fail(c, "bytes without an object");
	struct profile_label block = {
		.key = profile_intern_cstr(c->p, "bytes"),
		.num = v[0]   ? v[1] / v[0]
		       : v[2] ? v[3] / v[2]
			      : 0,
	};
	scale_values(h, &v[0], &v[1]);
	scale_values(h, &v[2], &v[3]);
	if (take_stack(c, stack) < 0)
		return -ENOMEM;
	int64_t values[] = { v[2], v[3], v[0], v[1] };
	profile_add_sample(c->p, c->stack.items, c->stack.len, values + (h->allocs ? 0 : 2), &block,
			   block.num != 0);
	return 0;
}

static bool is_blank(const char *line)
{
	line += strspn(line, " \t");
	return line[0] == '\0' || line[0] == '#';
}

/* jemalloc: a line "@ stack", then one "  t*: 1: 2 [0: 0]" for all threads. */
static int jemalloc_samples(struct converter *c, const struct heap *h)
{
	char *stack = NULL;
	int rc = 0;

	for (char *line; rc == 0 && (line = convert_line(c));) {
		if (convert_is_memory_map(line))
			return convert_memory_map(c);
		char *all = strstr(line, "t*:");
		if (line[0] == '@')
			stack = line;
		else if (all && stack)
			rc = heap_sample(c, all + 3, stack, h);
	}
	return rc;
}

int convert_heap(struct converter *c)
{
	struct heap h = { 0 };
	char *line = convert_line(c);
	bool jemalloc = strncmp(line, "heap_v2/", 8) == 0;
	int rc = heap_header(c, line, &h);

	if (rc < 0)
		return rc;
	if (h.allocs) {
		profile_add_sample_type(c->p, "alloc_objects", "count");
		profile_add_sample_type(c->p, "alloc_space", "bytes");
	}
	profile_add_sample_type(c->p, h.allocs ? "inuse_objects" : "objects", "count");
	profile_add_sample_type(c->p, h.allocs ? "inuse_space" : "space", "bytes");
	profile_set_period(c->p, "space", "bytes", h.rate);
	if (jemalloc)
		return jemalloc_samples(c, &h);
	while (rc == 0 && (line = convert_line(c))) {
		if (convert_is_memory_map(line))
			return convert_memory_map(c);
		if (!is_blank(line))
			rc = heap_sample(c, line, line, &h);
	}
	return rc;
}

bool convert_is_contention(const char *text)
{
	return strncmp(text, "--- contention", 14) == 0 || strncmp(text, "--- mutex:", 10) == 0;
}

static int contention_sample(struct converter *c, char *line, int64_t period, int64_t hz)
{
	int64_t delay, count;
	char *at = line;

	if (!take_number(&at, " \t", &delay) || !take_number(&at, " \t", &count))
		return convert_fail(c, "no sample of a contention profile");
	if (period > 0) {
		if (hz > 0)
			delay = to_integer((double)delay * (double)period / ((double)hz / 1e9));
		count = (int64_t)((uint64_t)count * (uint64_t)period);
	}
	if (take_stack(c, at) < 0)
		return -ENOMEM;
	profile_add_sample(c->p, c->stack.items, c->stack.len, (int64_t[]){ count, delay }, NULL,
			   0);
	return 0;
}

int convert_contention(struct converter *c)
{
	int64_t period = 1, hz = 0;
	int rc = 0;

	profile_add_sample_type(c->p, "contentions", "count");
	profile_add_sample_type(c->p, "delay", "nanoseconds");
	convert_line(c);
	for (char *line; rc == 0 && (line = convert_line(c));) {
		char *equals = strchr(line, '=');
		int64_t v = equals ? strtoll(equals + 1, NULL, 0) : 0;
		if (convert_is_memory_map(line)) {
			rc = convert_memory_map(c);
			break;
		}
		if (is_blank(line) || strncmp(line, "---", 3) == 0)
			continue;
		if (!equals)
			rc = contention_sample(c, line, period, hz);
		else if (strstr(line, "cycles/second"))
			hz = v;
		else if (strstr(line, "sampling period"))
			period = v;
		else if (strstr(line, "ms since reset"))
			c->p->duration_nanos = (int64_t)((uint64_t)v * 1000000);
	}
	profile_set_period(c->p, "contentions", "count", period);
	return rc;
}

/* Words of 8 or 4 bytes, the order little-endian. */
static bool take_word(struct cursor *at, unsigned size, uint64_t *to)
{
	uint32_t word;

	if (size == 8)
		return cursor_u64(at, to);
	if (!cursor_u32(at, &word))
		return false;
	*to = word;
	return true;
}

/* 0, 3 words of header, version 0, the period in microseconds, padding. */
static unsigned cpu_word_size(const void *data, size_t len, uint64_t *period_us, struct cursor *at)
{
	for (unsigned size = 8; size >= 4; size -= 4) {
		uint64_t w[5];
		bool ok = true;
		*at = cursor_init(data, len);
		for (int i = 0; i < 5; i++)
			ok = ok && take_word(at, size, &w[i]);
		if (ok && w[0] == 0 && w[1] == 3 && w[2] == 0 && w[3] > 0 && w[4] == 0) {
			*period_us = w[3];
			return size;
		}
	}
	return 0;
}

bool convert_is_cpu(const void *data, size_t len)
{
	struct cursor at;
	uint64_t period;

	return cpu_word_size(data, len, &period, &at) != 0;
}

/* One sample: 1 if it was the marker of the end, else 0 or a negative errno. */
static int cpu_sample(struct converter *c, struct cursor *at, unsigned size, uint64_t period)
{
	uint64_t count, depth, address = 0;

	if (!take_word(at, size, &count) || !take_word(at, size, &depth) ||
	    depth > cursor_left(at) / size)
		return err_plain(c->e, -EBADMSG, "the CPU profile ends in a sample");
	c->stack.len = 0;
	for (uint64_t i = 0; i < depth; i++) {
		take_word(at, size, &address);
		if (convert_push_address(c, i ? address - 1 : address) < 0)
			return -ENOMEM;
	}
	if (count == 0 && depth == 1 && address == 0)
		return 1;
	int64_t values[] = { (int64_t)count, (int64_t)(count * period) };
	profile_add_sample(c->p, c->stack.items, c->stack.len, values, NULL, 0);
	return 0;
}

/* The location right above the leaf, or PROFILE_NONE. */
static uint32_t second_of(const struct profile *p, size_t sample)
{
	size_t depth;
	const uint32_t *stack = profile_stack(p, sample, &depth);

	return depth > 1 ? stack[1] : PROFILE_NONE;
}

/* The one that more than half of the samples have, if there is one (Boyer and Moore's vote). */
static uint32_t majority_second(const struct profile *p)
{
	uint32_t candidate = PROFILE_NONE;
	size_t votes = 0;

	for (size_t i = 0; i < p->sample_count; i++) {
		uint32_t second = second_of(p, i);
		if (votes == 0)
			candidate = second;
		votes += second == candidate ? 1 : (size_t)-1;
	}
	return candidate;
}

static size_t drop_second(void *context, size_t sample, uint32_t *stack, size_t depth)
{
	(void)sample;
	if (depth < 2 || stack[1] != *(const uint32_t *)context)
		return depth;
	memmove(stack + 1, stack + 2, (depth - 2) * sizeof(*stack));
	return depth - 1;
}

/*
 * A frame that all but one of 32 samples have right above the leaf is the signal handler's, which
 * took the sample. There may be two.
 */
static void drop_handler_frames(struct profile *p)
{
	for (int i = 0; i < 2; i++) {
		uint32_t second = majority_second(p);
		size_t count = 0;
		for (size_t k = 0; k < p->sample_count; k++)
			count += second_of(p, k) == second;
		if (second != PROFILE_NONE && count >= p->sample_count - p->sample_count / 32)
			profile_edit_samples(p, drop_second, &second);
	}
}

int convert_cpu(struct converter *c, const void *data, size_t len)
{
	struct cursor at;
	uint64_t period_us = 0;
	unsigned size = cpu_word_size(data, len, &period_us, &at);
	int rc;

	profile_add_sample_type(c->p, "samples", "count");
	profile_add_sample_type(c->p, "cpu", "nanoseconds");
	profile_set_period(c->p, "cpu", "nanoseconds", (int64_t)(period_us * 1000));
	do {
		rc = cpu_sample(c, &at, size, period_us * 1000);
	} while (rc == 0);
	if (rc < 0)
		return rc;
	drop_handler_frames(c->p);
	c->next = c->end - cursor_left(&at);
	return convert_memory_map(c);
}
