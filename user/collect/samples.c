// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/samples.h"

#include <errno.h>
#include <string.h>

void samples_init(struct samples *s)
{
	*s = (struct samples){ 0 };
	map_init(&s->stacks, sizeof(((struct cpu_key *)0)->stack), sizeof(struct sample_stack));
	map_init(&s->counts, sizeof(struct cpu_key), sizeof(struct cpu_value));
}

void samples_deinit(struct samples *s)
{
	map_deinit(&s->stacks);
	map_deinit(&s->counts);
	vec_deinit(&s->frames);
}

void samples_restart(struct samples *s)
{
	map_clear(&s->counts);
	s->total = s->lost_full = s->lost_unknown = 0;
	if (s->frames.len < SAMPLES_FRAMES_MAX / 2)
		return;
	map_clear(&s->stacks);
	s->frames.len = 0;
}

int samples_add_stack(struct samples *s, const __u64 id[2], const uint64_t *frames, uint32_t len,
		      uint32_t kernel_len)
{
	if (map_find(&s->stacks, id))
		return 0;
	if (s->frames.len + len > SAMPLES_FRAMES_MAX)
		return -ENOSPC;
	if (vec_reserve(&s->frames, s->frames.len + len) < 0)
		return -ENOMEM;
	struct sample_stack *stack = map_put(&s->stacks, id, NULL);
	if (!stack)
		return -ENOMEM;
	*stack = (struct sample_stack){ s->frames.len, len, kernel_len };
	if (len)
		memcpy(s->frames.items + s->frames.len, frames, len * sizeof(*frames));
	s->frames.len += len;
	return 0;
}

void samples_add(struct samples *s, const struct cpu_key *key, const struct cpu_value *value)
{
	struct cpu_value *sum = map_find(&s->counts, key);

	if (!sum && !map_find(&s->stacks, key->stack)) {
		s->lost_unknown += value->samples;
		return;
	}
	if (!sum && s->counts.len < SAMPLES_KEYS_MAX)
		sum = map_put(&s->counts, key, NULL);
	if (!sum) {
		s->lost_full += value->samples;
		return;
	}
	sum->samples += value->samples;
	sum->ns += value->ns;
	s->total += value->samples;
}

const struct sample_stack *samples_stack(const struct samples *s, const struct cpu_key *key)
{
	return map_find(&s->stacks, key->stack);
}
