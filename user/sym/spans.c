// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/spans.h"

static int span_compare(const void *pa, const void *pb)
{
	const struct span *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->end != b->end)
		return a->end > b->end ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

void spans_deinit(struct spans *s)
{
	vec_deinit(&s->items);
}

/*
 * What contains an address started before it and is still open there. The open spans form a stack,
 * kept in the `outer` links: whatever ended before the next start is popped from its top for good.
 */
void spans_index(struct spans *s)
{
	struct span *items = s->items.items;
	uint32_t top = SPANS_NONE;

	if (s->items.len > 1)
		qsort(items, s->items.len, sizeof(items[0]), span_compare);
	for (uint32_t i = 0; i < s->items.len; i++) {
		while (top != SPANS_NONE && items[top].end <= items[i].start)
			top = items[top].outer;
		items[i].outer = top;
		if (items[i].end > items[i].start)
			top = i;
	}
}

const struct span *spans_floor(const struct spans *s, uint64_t addr)
{
	size_t low = 0, high = s->items.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->items.items[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &s->items.items[low - 1] : NULL;
}

const struct span *spans_find(const struct spans *s, uint64_t addr)
{
	const struct span *span = spans_floor(s, addr);

	while (span && span->end <= addr)
		span = span->outer == SPANS_NONE ? NULL : &s->items.items[span->outer];
	return span;
}
