/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Goes on with a walk natively, by the step that BPF takes (lib/unwind_step.h), over a copy of the
 * stack.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/unwind.h"
#include "unwind/tables.h"

/** What a walk works on; all borrowed. */
struct walk_process {
	const struct unwind_tables *tables;
	const struct unwind_mapping *mappings; /* sorted by start */
	size_t mappings_len;
	/* A copy of the process's memory [stack_addr, stack_addr + stack_len). */
	uint64_t stack_addr;
	const uint8_t *stack;
	size_t stack_len;
	/** Reads executable memory, to see what the instructions of code without CFI do: 0, or
	 * nonzero. May be NULL. */
	int (*read)(void *ctx, uint64_t addr, void *to, uint32_t size);
	void *ctx;
};

/**
 * Walk from *s, appending frames (see UNWIND_FRAME_*) to frames[*len], up to `max` in all. *s is
 * left at the first frame that is not recorded, or at the last one. UNWIND_END_SHORT_COPY is told
 * in the place of UNWIND_END_BAD_READ where the copy of the stack ended too early.
 */
enum unwind_end walk(const struct walk_process *p, struct unwind_state *s, uint64_t *frames,
		     size_t *len, size_t max);
