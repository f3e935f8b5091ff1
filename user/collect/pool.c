// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/pool.h"

#include <errno.h>
#include <string.h>

int pool_init(struct pool *p, struct unwind_mapping *mappings, uint32_t entries)
{
	*p = (struct pool){ .mappings = mappings };
	return vec_push(&p->idle, (struct pool_slice){ 0, entries });
}

void pool_deinit(struct pool *p)
{
	vec_deinit(&p->idle);
	vec_deinit(&p->resting);
}

int pool_take(struct pool *p, const struct unwind_mapping *from, uint32_t count,
	      struct pool_slice *ret)
{
	*ret = (struct pool_slice){ 0, 0 };
	if (count == 0)
		return 0;
	vec_for_each(idle, &p->idle) {
		if (idle->count < count)
			continue;
		*ret = (struct pool_slice){ idle->first, count };
		idle->first += count;
		idle->count -= count;
		if (idle->count == 0) {
			size_t at = (size_t)(idle - p->idle.items);
			memmove(idle, idle + 1, (p->idle.len - at - 1) * sizeof(*idle));
			p->idle.len--;
		}
		memcpy(p->mappings + ret->first, from, count * sizeof(*from));
		return 0;
	}
	return -ENOSPC;
}

void pool_give(struct pool *p, struct pool_slice slice)
{
	/* Out of memory here leaks the slice: BPF may be reading it, so nothing else is safe. */
	if (slice.count)
		vec_push(&p->resting, slice);
}

static void idle_insert(struct pool *p, struct pool_slice slice)
{
	size_t at = 0;

	while (at < p->idle.len && p->idle.items[at].first < slice.first)
		at++;
	struct pool_slice *before = at > 0 ? &p->idle.items[at - 1] : NULL;
	if (before && before->first + before->count == slice.first) {
		before->count += slice.count;
		if (at < p->idle.len && before->first + before->count == p->idle.items[at].first) {
			before->count += p->idle.items[at].count;
			memmove(&p->idle.items[at], &p->idle.items[at + 1],
				(p->idle.len - at - 1) * sizeof(slice));
			p->idle.len--;
		}
		return;
	}
	if (at < p->idle.len && slice.first + slice.count == p->idle.items[at].first) {
		p->idle.items[at].first = slice.first;
		p->idle.items[at].count += slice.count;
		return;
	}
	if (vec_push(&p->idle, slice) < 0)
		return;
	memmove(&p->idle.items[at + 1], &p->idle.items[at], (p->idle.len - at - 1) * sizeof(slice));
	p->idle.items[at] = slice;
}

void pool_settle(struct pool *p)
{
	vec_for_each(slice, &p->resting)
		idle_insert(p, *slice);
	p->resting.len = 0;
}
