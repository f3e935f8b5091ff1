/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Address ranges that may nest, found by address.
 *
 * Fill `items` with vec_push(), call spans_index() once, then look up. Zeroed storage is an empty
 * set. Not thread-safe while it is filled.
 */
#pragma once

#include <stdint.h>

#include "base/vec.h"

#define SPANS_NONE UINT32_MAX

struct span {
	uint64_t start, end; /* end exclusive; an empty span is found by its start alone */
	uint32_t id;         /* the caller's */
	uint32_t outer;      /* set by spans_index(): the next candidate outwards, or SPANS_NONE */
};

struct spans {
	vec_of(struct span) items;
};

void spans_deinit(struct spans *s);

/** Sort by start, the longer first, then by id, and link each span to those around it. */
void spans_index(struct spans *s);

/** The innermost span that contains an address, or NULL. */
const struct span *spans_find(const struct spans *s, uint64_t addr);

/** The last span that starts at or before an address, whether it contains it or not, or NULL. */
const struct span *spans_floor(const struct spans *s, uint64_t addr);
