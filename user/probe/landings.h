/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Where a file's direct jumps and calls land inside of the first bytes of some functions. A probe
 * behind such an address would see more than the function's calls. Not thread-safe.
 *
 * Calls and jumps of 32 bits are sought at every byte of the file's code, which finds some that
 * are none but misses none; jumps of 8 bits by disassembling what is near.
 */
#pragma once

#include "base/vec.h"
#include "probe/code.h"

#define LANDINGS_REACH 64 /* bytes of a function, from its entry on, that are looked at */

struct landings {
	vec_of(uint64_t) entries;   /* ascending */
	vec_of(uint64_t) addresses; /* ascending; no entries themselves */
};

/**
 * Find the landings in functions that begin at t->entries, which the caller fills, in any order.
 * Zeroed storage is empty; landings_deinit() frees it. -ENOMEM.
 */
int landings_find(struct landings *t, struct elf_file *f, struct code *code, struct err *e);
void landings_deinit(struct landings *t);

/** Does any branch land in `from` .. `to`, both inclusive? */
bool landings_within(const struct landings *t, uint64_t from, uint64_t to);
