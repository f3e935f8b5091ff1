// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/samples.h"

void samples_init(struct samples *s)
{
	*s = (struct samples){ 0 };
	stacks_init(&s->stacks);
	map_init(&s->counts, sizeof(struct sample_key), sizeof(struct cpu_value));
}

void samples_deinit(struct samples *s)
{
	stacks_deinit(&s->stacks);
	map_deinit(&s->counts);
}

void samples_restart(struct samples *s)
{
	map_clear(&s->counts);
	s->total = s->lost_full = s->lost_unknown = 0;
	if (s->stacks.frames.len >= STACKS_FRAMES_MAX / 2)
		stacks_clear(&s->stacks);
}

void samples_add(struct samples *s, const struct sample_key *key, const struct cpu_value *value)
{
	struct cpu_value *sum = map_find(&s->counts, key);

	if (!sum && !stacks_find(&s->stacks, key->stack)) {
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

const struct sample_stack *samples_stack(const struct samples *s, const struct sample_key *key)
{
	return stacks_find(&s->stacks, key->stack);
}
