// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/heap_sites.h"

#include <stdbool.h>

void heap_sites_init(struct heap_sites *s)
{
	*s = (struct heap_sites){ 0 };
	stacks_init(&s->stacks);
	map_init(&s->counts, sizeof(struct heap_key), sizeof(struct heap_value));
	map_init(&s->deferred, 2 * sizeof(__u64), sizeof(struct sample_key));
}

void heap_sites_deinit(struct heap_sites *s)
{
	stacks_deinit(&s->stacks);
	map_deinit(&s->counts);
	map_deinit(&s->deferred);
}

void heap_sites_resolve(struct heap_sites *s, const __u64 name[2], const struct sample_key *key)
{
	struct sample_key *to = map_put(&s->deferred, name, NULL);

	if (to)
		*to = *key;
}

/* The ends after which BPF names a stack that it has not walked. */
static bool is_deferred(const struct sample_key *key)
{
	return key->end == UNWIND_END_NO_PROCESS || key->end == UNWIND_END_NO_MAPPING ||
	       key->end == UNWIND_END_EXPRESSION;
}

void heap_sites_add(struct heap_sites *s, const struct heap_key *from,
		    const struct heap_value *value)
{
	const struct sample_key *walked = NULL;
	struct heap_key key = *from;

	if (is_deferred(&key.sample))
		walked = map_find(&s->deferred, key.sample.stack);
	if (walked)
		key.sample = *walked;
	struct heap_value *sum = map_find(&s->counts, &key);
	if (!sum && !stacks_find(&s->stacks, key.sample.stack)) {
		s->lost_unknown += value->allocs;
		return;
	}
	if (!sum && s->counts.len < HEAP_SITES_MAX)
		sum = map_put(&s->counts, &key, NULL);
	if (!sum) {
		s->lost_full += value->allocs;
		return;
	}
	sum->allocs += value->allocs;
	sum->frees += value->frees;
}

const struct sample_stack *heap_sites_stack(const struct heap_sites *s, const struct heap_key *key)
{
	return stacks_find(&s->stacks, key->sample.stack);
}
