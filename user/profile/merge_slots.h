/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * A hash table of numbers whose keys lie in the tables of a profile. Private to this room.
 *
 *     struct slot *slot = slots_first(&t, hash);
 *     for (; slot->next_number; slot = slots_next(&t, slot))
 *             if (slot->hash == (uint32_t)hash && equal(slot->next_number - 1, ...))
 *                     return slot->next_number - 1;
 *     slots_take(&t, slot, hash, number);
 *
 * Zeroed storage is an empty table. The hashes kept in it spare most comparisons, and all of them
 * when it grows.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct slot {
	uint32_t hash;
	uint32_t next_number; /* number + 1; 0: free */
};

struct slots {
	struct slot *items;
	size_t count; /* a power of two, or 0 */
	size_t used;
};

static inline void slots_deinit(struct slots *t)
{
	free(t->items);
	*t = (struct slots){ 0 };
}

static inline struct slot *slots_first(const struct slots *t, uint64_t hash)
{
	return &t->items[(uint32_t)hash & (t->count - 1)];
}

static inline struct slot *slots_next(const struct slots *t, struct slot *slot)
{
	return slot + 1 < t->items + t->count ? slot + 1 : t->items;
}

static inline void slots_take(struct slots *t, struct slot *slot, uint64_t hash, uint32_t number)
{
	*slot = (struct slot){ (uint32_t)hash, number + 1 };
	t->used++;
}

/** Make room for one more, at most half full; 0 or -ENOMEM. */
static inline int slots_reserve(struct slots *t)
{
	if ((t->used + 1) * 2 <= t->count)
		return 0;
	struct slots grown = { .count = t->count ? t->count * 2 : 1024 };
	grown.items = calloc(grown.count, sizeof(*grown.items));
	if (!grown.items)
		return -ENOMEM;
	for (size_t i = 0; i < t->count; i++) {
		if (!t->items[i].next_number)
			continue;
		struct slot *slot = slots_first(&grown, t->items[i].hash);
		while (slot->next_number)
			slot = slots_next(&grown, slot);
		*slot = t->items[i];
	}
	grown.used = t->used;
	free(t->items);
	*t = grown;
	return 0;
}
