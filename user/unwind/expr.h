/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Evaluates the DWARF expressions that occur in call frame information (DWARF 5, section 2.5).
 *
 * Bounded in stack and steps; the bytes are untrusted.
 */
#pragma once

#include <stdint.h>

#include "abi/unwind.h"
#include "base/cursor.h"

/** Reads memory of the process: 0, or nonzero if it cannot be read. */
typedef int expr_read_fn(void *ctx, uint64_t addr, void *to, uint32_t size);

/**
 * The value of an expression in a frame. 0, or the reason as enum unwind_end:
 * UNWIND_END_NO_REGISTER, UNWIND_END_BAD_READ, UNWIND_END_EXPRESSION (damaged, unsupported, or too
 * long).
 */
int expr_eval(struct cursor expr, const struct unwind_state *s, expr_read_fn *read, void *ctx,
	      uint64_t *to);
