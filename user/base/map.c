// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

uint64_t hash_bytes(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = 0x9e3779b97f4a7c15ULL ^ len;

	while (len > 0) {
		size_t take = len < 8 ? len : 8;
		uint64_t word = 0;
		memcpy(&word, p, take);
		h = (h ^ word) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
		p += take;
		len -= take;
	}
	return h;
}

static size_t entry_value_offset(const struct map *m)
{
	return (m->key_size + 7) & ~(size_t)7;
}

static size_t entry_size(const struct map *m)
{
	return entry_value_offset(m) + ((m->value_size + 7) & ~(size_t)7);
}

void map_init(struct map *m, size_t key_size, size_t value_size)
{
	*m = (struct map){ .key_size = (uint32_t)key_size, .value_size = (uint32_t)value_size };
}

void map_deinit(struct map *m)
{
	free(m->slots);
	free(m->entries);
	map_init(m, m->key_size, m->value_size);
}

void map_clear(struct map *m)
{
	if (m->slots)
		memset(m->slots, 0, m->slot_count * sizeof(*m->slots));
	m->len = 0;
}

const void *map_key_at(const struct map *m, size_t i)
{
	return m->entries + i * entry_size(m);
}

void *map_value_at(const struct map *m, size_t i)
{
	return m->entries + i * entry_size(m) + entry_value_offset(m);
}

/* The slot that holds `key`, or the free one where it belongs. The table is never full. */
static uint32_t *map_slot(const struct map *m, const void *key)
{
	size_t i = hash_bytes(key, m->key_size) & (m->slot_count - 1);

	while (m->slots[i] && memcmp(map_key_at(m, m->slots[i] - 1), key, m->key_size) != 0)
		i = (i + 1) & (m->slot_count - 1);
	return &m->slots[i];
}

void *map_find(const struct map *m, const void *key)
{
	if (m->slot_count == 0)
		return NULL;
	uint32_t slot = *map_slot(m, key);
	return slot ? map_value_at(m, slot - 1) : NULL;
}

static bool map_rehash(struct map *m)
{
	size_t count = m->slot_count ? m->slot_count * 2 : 16;
	uint32_t *slots = calloc(count, sizeof(*slots));
	if (!slots)
		return false;
	free(m->slots);
	m->slots = slots;
	m->slot_count = count;
	for (size_t i = 0; i < m->len; i++)
		*map_slot(m, map_key_at(m, i)) = (uint32_t)i + 1;
	return true;
}

void *map_put(struct map *m, const void *key, bool *added)
{
	void *found = map_find(m, key);
	if (added)
		*added = !found;
	if (found)
		return found;
	if (m->len * 4 >= m->slot_count * 3 && !map_rehash(m))
		return NULL;
	if (vec_grow((void **)&m->entries, &m->cap, m->len + 1, entry_size(m)) < 0)
		return NULL;
	*map_slot(m, key) = (uint32_t)m->len + 1;
	char *entry = m->entries + m->len++ * entry_size(m);
	memset(entry, 0, entry_size(m));
	memcpy(entry, key, m->key_size);
	return entry + entry_value_offset(m);
}
