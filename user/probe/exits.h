/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Where a function returns. A uprobe on each of these instructions sees what is returned and, other
 * than a return probe, leaves the return address alone: exceptions pass by unharmed. The kernel
 * single-steps it.
 */
#pragma once

#include "base/vec.h"
#include "probe/calls.h"

struct exits {
	vec_of(uint64_t) items; /* addresses of `ret` instructions, ascending */
};

/**
 * Find all ways out of a function but exceptions: by its own code, and by what it jumps to. 1: *ret
 * has them all. 0: some lead to where they cannot be followed (an allocation function that is
 * probed itself, another file, a table of jumps), or there are too many; *ret is empty. -ENOMEM.
 * The caller zeroes *ret and frees its items with vec_deinit().
 */
int exits_find(struct code *code, struct calls *calls, uint64_t entry, struct exits *ret);
