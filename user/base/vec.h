/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * A growable array of any type.
 *
 *     vec_of(struct row) rows = { 0 };
 *     if (vec_push(&rows, row) < 0) return -ENOMEM;
 *     vec_deinit(&rows);
 *
 * Zeroed storage is an empty vector. Elements are `v.items[0 .. v.len-1]`; growth moves them.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define vec_of(type)                                                                               \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t len, cap;                                                                   \
	}

/** Make room for `n` elements in all; 0 or -ENOMEM, the vector untouched on failure. */
#define vec_reserve(v, n) vec_grow((void **)&(v)->items, &(v)->cap, (n), sizeof((v)->items[0]))

/** Append one element; 0 or -ENOMEM. */
#define vec_push(v, ...)                                                                           \
	({                                                                                         \
		int vec_rc = (v)->len < (v)->cap ? 0 : vec_reserve((v), (v)->len + 1);             \
		if (vec_rc == 0)                                                                   \
			(v)->items[(v)->len++] = (__VA_ARGS__);                                    \
		vec_rc;                                                                            \
	})

#define vec_deinit(v)                                                                              \
	do {                                                                                       \
		free((v)->items);                                                                  \
		(v)->items = NULL;                                                                 \
		(v)->len = (v)->cap = 0;                                                           \
	} while (0)

#define vec_for_each(p, v)                                                                         \
	for (__typeof__((v)->items[0]) *p = (v)->items; p && p < (v)->items + (v)->len; p++)

/** Grow a raw array to hold at least `need` items of `size` bytes, at least doubling it. */
int vec_grow(void **items, size_t *cap, size_t need, size_t size);
