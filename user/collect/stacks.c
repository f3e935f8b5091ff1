// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/stacks.h"

#include <errno.h>
#include <string.h>

void stacks_init(struct stacks *s)
{
	*s = (struct stacks){ 0 };
	map_init(&s->by_id, 2 * sizeof(__u64), sizeof(struct sample_stack));
}

void stacks_deinit(struct stacks *s)
{
	map_deinit(&s->by_id);
	vec_deinit(&s->frames);
}

void stacks_clear(struct stacks *s)
{
	map_clear(&s->by_id);
	s->frames.len = 0;
}

int stacks_add(struct stacks *s, const __u64 id[2], const uint64_t *frames, uint32_t len,
	       uint32_t kernel_len)
{
	if (map_find(&s->by_id, id))
		return 0;
	if (s->frames.len + len > STACKS_FRAMES_MAX)
		return -ENOSPC;
	if (vec_reserve(&s->frames, s->frames.len + len) < 0)
		return -ENOMEM;
	struct sample_stack *stack = map_put(&s->by_id, id, NULL);
	if (!stack)
		return -ENOMEM;
	*stack = (struct sample_stack){ s->frames.len, len, kernel_len };
	if (len)
		memcpy(s->frames.items + s->frames.len, frames, len * sizeof(*frames));
	s->frames.len += len;
	return 0;
}

const struct sample_stack *stacks_find(const struct stacks *s, const __u64 id[2])
{
	return map_find(&s->by_id, id);
}
