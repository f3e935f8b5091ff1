// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* gperftools' CPU profiles: words, then a memory map as text. */
#include <errno.h>
#include <string.h>

#include "base/cursor.h"
#include "profile/convert_impl.h"
#include "profile/edit.h"

/* Words are those of the machine that wrote them. */
struct words {
	struct cursor at;
	unsigned size; /* 4 or 8 bytes */
	bool big_endian;
};

static bool take_word(struct words *w, uint64_t *to)
{
	uint8_t bytes[8];

	if (!cursor_read(&w->at, bytes, w->size))
		return false;
	*to = 0;
	for (unsigned i = 0; i < w->size; i++)
		*to |= (uint64_t)bytes[w->big_endian ? w->size - 1 - i : i] << (8 * i);
	return true;
}

/* 0, 3 words of header, version 0, the period in microseconds, padding. */
static bool take_header(struct words *w, uint64_t *period_us)
{
	uint64_t head[5];

	for (int i = 0; i < 5; i++) {
		if (!take_word(w, &head[i]))
			return false;
	}
	*period_us = head[3];
	return head[0] == 0 && head[1] == 3 && head[2] == 0 && head[3] > 0 && head[4] == 0;
}

/* Find out what words make sense. */
static bool words_init(struct words *w, const void *data, size_t len, uint64_t *period_us)
{
	for (int form = 0; form < 4; form++) {
		*w = (struct words){
			.at = cursor_init(data, len),
			.size = form < 2 ? 4 : 8,
			.big_endian = form % 2,
		};
		if (take_header(w, period_us))
			return true;
	}
	return false;
}

bool convert_is_cpu(const void *data, size_t len)
{
	struct words w;
	uint64_t period_us;

	return words_init(&w, data, len, &period_us);
}

/* One sample: 1 if it was the marker of the end, else 0 or a negative errno. */
static int cpu_sample(struct converter *c, struct words *w, uint64_t period_ns)
{
	uint64_t count, depth, address = 0;

	if (!take_word(w, &count) || !take_word(w, &depth) || depth > cursor_left(&w->at) / w->size)
		return err_plain(c->e, -EBADMSG, "the CPU profile ends in a sample");
	for (uint64_t i = 0; i < depth; i++) {
		take_word(w, &address);
		if (count == 0 && depth == 1 && address == 0)
			return 1;
		if (convert_push_address(c, i ? address - 1 : address) < 0)
			return -ENOMEM;
	}
	int64_t values[] = { (int64_t)count, (int64_t)(count * period_ns) };
	convert_add_sample(c, values, NULL);
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

static size_t drop_doubled(void *context, size_t sample, uint32_t *stack, size_t depth)
{
	const struct profile *p = context;

	(void)sample;
	if (depth < 2 ||
	    p->locations.items[stack[0]].address != p->locations.items[stack[1]].address + 1)
		return depth;
	memmove(stack + 1, stack + 2, (depth - 2) * sizeof(*stack));
	return depth - 1;
}

void convert_drop_doubled_leaves(struct profile *p)
{
	profile_edit_samples(p, drop_doubled, p);
}

int convert_cpu(struct converter *c)
{
	struct words w;
	uint64_t period_us = 0;
	int rc = 0;

	words_init(&w, c->next, (size_t)(c->end - c->next), &period_us);
	profile_add_sample_type(c->p, "samples", "count");
	profile_add_sample_type(c->p, "cpu", "nanoseconds");
	profile_set_period(c->p, "cpu", "nanoseconds", (int64_t)(period_us * 1000));
	while (rc == 0 && cursor_left(&w.at) > 0)
		rc = cpu_sample(c, &w, period_us * 1000);
	if (rc < 0)
		return rc;
	drop_handler_frames(c->p);
	c->next = c->end - cursor_left(&w.at);
	rc = convert_memory_map(c);
	if (rc == 0)
		convert_drop_doubled_leaves(c->p);
	return rc;
}
