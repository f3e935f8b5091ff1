// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The heap profiles of gperftools, Go and jemalloc, and gperftools' growth profiles. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "profile/convert_impl.h"

#define JEMALLOC "heap_v2/"
#define HEADER   "heap profile:"

struct heap {
	int64_t rate; /* of sampling, in bytes */
	bool scale;   /* values are those of the samples */
	bool allocs;  /* there are allocated values besides those in use */
};

/* In use, then allocated. */
struct values {
	int64_t objects, bytes, alloc_objects, alloc_bytes;
};

/* "1: 2 [3: 4] @" */
static bool take_values(const char *line, struct values *v, const char **rest)
{
	int64_t *const to[] = { &v->objects, &v->bytes, &v->alloc_objects, &v->alloc_bytes };
	static const char *const after[] = { ":", "[", ":", "]" };

	for (size_t i = 0; i < 4; i++) {
		char *end;
		errno = 0;
		*to[i] = strtoll(line, &end, 10);
		if (end == line || errno)
			return false;
		line = end + strspn(end, " \t");
		if (*line != *after[i])
			return false;
		line += 1 + strspn(line + 1, " \t");
	}
	*rest = line;
	return true;
}

/* The same with the '@' of a stack behind it. */
static bool take_values_and_at(const char *line, struct values *v, const char **rest)
{
	if (!take_values(line, v, rest) || **rest != '@')
		return false;
	*rest += 1 + strspn(*rest + 1, " \t");
	return true;
}

static bool has_allocs(const struct values *v)
{
	return (v->alloc_objects != v->objects && v->alloc_objects != 0) ||
	       (v->alloc_bytes != v->bytes && v->alloc_bytes != 0);
}

bool convert_is_heap(const char *text)
{
	const char *newline = strchr(text, '\n');
	const char *header = strstr(text, HEADER);

	return strncmp(text, JEMALLOC, strlen(JEMALLOC)) == 0 ||
	       (header && (!newline || header < newline));
}

/* What follows the header's '@' tells how samples were taken. */
static bool heap_kind(const char *kind, const struct values *v, struct heap *h)
{
	size_t len = strspn(kind, "abcdefghijklmnopqrstuvwxyz_0123456789");
	int64_t rate = kind[len] == '/' ? strtoll(kind + len + 1, NULL, 10) : 0;

	if (strncmp(kind, "growth", 6) == 0 || strncmp(kind, "fragmentation", 13) == 0)
		*h = (struct heap){ .rate = 1 };
	else if (strncmp(kind, "heapprofile", len) == 0 && len == 11)
		*h = (struct heap){ .rate = 1, .allocs = has_allocs(v) };
	else if ((strncmp(kind, "heap_v2", len) == 0 && len == 7) ||
		 (strncmp(kind, "heapz_v2", len) == 0 && len == 8))
		*h = (struct heap){ .rate = rate, .scale = true, .allocs = has_allocs(v) };
	else if (strncmp(kind, "heap", len) == 0 && len == 4) /* Go's: twice the rate */
		*h = (struct heap){ .rate = rate / 2, .scale = true, .allocs = has_allocs(v) };
	else
		return false;
	return true;
}

/* A block of this size is sampled with probability 1 - exp(-size/rate). */
static void scale_values(const struct heap *h, int64_t *count, int64_t *bytes)
{
	if (!h->scale || *count == 0)
		return;
	if (*bytes == 0)
		*count = 0;
	if (h->rate <= 1 || *count == 0)
		return;
	double average = (double)*bytes / (double)*count;
	double factor = 1 / (1 - exp(-average / (double)h->rate));
	*count = convert_integer((double)*count * factor);
	*bytes = convert_integer((double)*bytes * factor);
}

/* Go divides INT64_MIN by -1 without a trap. */
static int64_t block_size(int64_t bytes, int64_t objects)
{
	return objects == -1 ? (int64_t)(0 - (uint64_t)bytes) : bytes / objects;
}

static int heap_sample(struct converter *c, struct values v, const char *stack,
		       const struct heap *h)
{
	struct profile_label block = { .key = profile_intern_cstr(c->p, "bytes") };

	if ((v.objects == 0 && v.bytes != 0) ||
	    (h->allocs && v.alloc_objects == 0 && v.alloc_bytes != 0))
		return convert_fail(c, "bytes without an object");
	if (v.objects)
		block.num = block_size(v.bytes, v.objects);
	else if (h->allocs && v.alloc_objects)
		block.num = block_size(v.alloc_bytes, v.alloc_objects);
	scale_values(h, &v.objects, &v.bytes);
	scale_values(h, &v.alloc_objects, &v.alloc_bytes);
	int rc = convert_take_stack(c, stack, convert_stack_len(stack), true);
	if (rc < 0)
		return rc;
	int64_t values[] = { v.alloc_objects, v.alloc_bytes, v.objects, v.bytes };
	convert_add_sample(c, values + (h->allocs ? 0 : 2), &block);
	return 0;
}

static void add_types(struct converter *c, const struct heap *h)
{
	if (h->allocs) {
		profile_add_sample_type(c->p, "alloc_objects", "count");
		profile_add_sample_type(c->p, "alloc_space", "bytes");
	}
	profile_add_sample_type(c->p, h->allocs ? "inuse_objects" : "objects", "count");
	profile_add_sample_type(c->p, h->allocs ? "inuse_space" : "space", "bytes");
	profile_set_period(c->p, "space", "bytes", h->rate);
}

/*
 * jemalloc: "heap_v2/RATE" and the sums, then for each stack "@ ADDRESSES" and "  t*: 1: 2 [0: 0]"
 * for all threads. The values in brackets are accumulated if it was asked to (prof_accum).
 */
static int jemalloc(struct converter *c)
{
	struct heap h = { .scale = true, .rate = strtoll(c->current + strlen(JEMALLOC), NULL, 10) };
	const char *stack = NULL, *rest;
	bool has_types = false;
	int rc = 0;

	for (char *line; rc == 0 && (line = convert_line(c)) && !convert_is_memory_map(line);) {
		char *all = strstr(line, "t*:");
		struct values v;
		if (line[0] == '@')
			stack = line + 1;
		if (line[0] == '@' || !all)
			continue;
		if (!take_values(all + 3, &v, &rest))
			return convert_fail(c, "no sample of a heap profile");
		if (!has_types) {
			h.allocs = has_allocs(&v);
			add_types(c, &h);
			has_types = true;
		}
		if (stack)
			rc = heap_sample(c, v, stack, &h);
		stack = NULL;
	}
	if (!has_types)
		add_types(c, &h);
	return rc < 0 ? rc : convert_rest(c);
}

int convert_heap(struct converter *c)
{
	struct values v;
	struct heap h;
	const char *line = convert_line(c), *rest;

	if (strncmp(line, JEMALLOC, strlen(JEMALLOC)) == 0)
		return jemalloc(c);
	line = strstr(line, HEADER) + strlen(HEADER);
	if (!take_values_and_at(line, &v, &rest) || !heap_kind(rest, &v, &h))
		return convert_fail(c, "no header of a heap profile");
	add_types(c, &h);
	while ((line = convert_line(c)) && !convert_is_memory_map(line)) {
		if (convert_is_comment(line))
			continue;
		if (!take_values_and_at(line, &v, &rest))
			return convert_fail(c, "no sample of a heap profile");
		int rc = heap_sample(c, v, rest, &h);
		if (rc < 0)
			return rc;
	}
	return convert_rest(c);
}
