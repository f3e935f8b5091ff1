/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Which functions and inlined calls of one DWARF unit contain which addresses.
 *
 * The unit's tree is walked once for all addresses, and no further into a subtree than those
 * addresses need (DWARF 5, sections 3.3 to 3.5).
 */
#pragma once

#include <elfutils/libdw.h>
#include <stdint.h>

#include "base/vec.h"

#define SCOPES_NONE UINT32_MAX

/** A DW_TAG_subprogram or DW_TAG_inlined_subroutine with code. */
struct scope {
	Dwarf_Die die;
	uint32_t outer; /* what it is inlined into, an earlier entry; SCOPES_NONE for a function */
};

struct scopes {
	vec_of(struct scope) items; /* grows from unit to unit; clear it by len = 0 */
};

void scopes_deinit(struct scopes *s);

/**
 * Find the innermost scope of each of `n` addresses, ascending and distinct, that belong to the
 * unit `unit`; leaves[i] becomes its number in s->items, or SCOPES_NONE where the unit has no
 * function. Damaged parts of a unit are left out. 0 or -ENOMEM.
 */
int scopes_find(struct scopes *s, Dwarf_Die *unit, const uint64_t *addrs, size_t n,
		uint32_t *leaves);
