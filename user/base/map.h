/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * A hash map from fixed-size keys to fixed-size values, both plain bytes. Open addressing; not
 * thread-safe.
 *
 * Keys are compared byte for byte: zero the padding of struct keys. Entries keep the order in which
 * they were put, and live in one array that growth moves: a value's pointer is good until the next
 * map_put(). Nothing can be taken out singly; map_clear() empties the map.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map {
	uint32_t key_size, value_size;
	uint32_t *slots;   /* index + 1 into entries, 0 is free */
	size_t slot_count; /* a power of two, or 0 */
	char *entries;     /* key, padding to 8, value */
	size_t len, cap;
};

void map_init(struct map *m, size_t key_size, size_t value_size);
void map_deinit(struct map *m);

/** Forget all entries, keep the memory. */
void map_clear(struct map *m);

/** The value of `key`, or NULL. */
void *map_find(const struct map *m, const void *key);

/**
 * The value of `key`, put with a zeroed value if it was absent; *added (if given) tells which. NULL
 * if out of memory.
 */
void *map_put(struct map *m, const void *key, bool *added);

/** The i-th entry in order of insertion, i < m->len. */
const void *map_key_at(const struct map *m, size_t i);
void *map_value_at(const struct map *m, size_t i);

/** A 64-bit hash of bytes, for tables in memory only: it may change between versions. */
uint64_t hash_bytes(const void *data, size_t len);
