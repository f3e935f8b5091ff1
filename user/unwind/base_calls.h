/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Calls in functions whose CFA hangs on rbx, as in the dynamic linker's lazy binding, which makes
 * room for vector registers. A walk does not follow rbx; but where the one function that is called
 * there saves it first, it is found at a fixed distance from the caller's stack pointer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "elf/elf_file.h"
#include "unwind/cfi.h"

/** While the callee of a call in such a function is under way. */
struct base_call {
	uint64_t vaddr; /* of the call's last byte, where callers are looked up: no instruction
			   begins there */
	int32_t saved;  /* rbx is at the caller's stack pointer + that */
	uint64_t callee;
};

struct base_calls {
	vec_of(struct base_call) items; /* in no order */
};

/**
 * Find the calls of a file; only such whose callee has one place for rbx all along. Zeroed storage
 * is empty; base_calls_deinit() in any case. 0 or -ENOMEM.
 */
int base_calls_find(struct base_calls *b, struct elf_file *f, const struct cfi_table *t);
void base_calls_deinit(struct base_calls *b);

/** Is the FDE that begins there a callee? While it has not saved rbx, its callers are not to be
 * found. */
bool base_calls_callee(const struct base_calls *b, uint64_t vaddr);

/** The call with the lowest `vaddr` of those in [start, end); NULL if there is none. */
const struct base_call *base_calls_next(const struct base_calls *b, uint64_t start, uint64_t end);
