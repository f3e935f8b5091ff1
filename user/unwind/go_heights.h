/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The heights of the stack in the functions of a Go program; their format is pcvalue's. */
#pragma once

#include "elf/go_functions.h"
#include "unwind/cfi.h"

/** A walk over the heights of a function; zeroed but for `code` and `end`. */
struct go_height {
	struct cursor code;
	uint64_t start, end; /* the addresses that `bytes` is true for */
	int64_t bytes;       /* between the stack pointer and the return address */
	bool begun;
};

/** Begin with the heights of a function, then get the next one; false after the last, or where they
 * are damaged. */
struct go_height go_height_init(const struct go_function *function);
bool go_height_next(struct go_height *h);

/** Whether a function takes stack anywhere. */
bool go_function_has_frame(const struct go_function *function);

/**
 * Append the functions to a table as FDEs of CFI_CIE_GO, their `program` being their number, and
 * sort it. 0 or -ENOMEM.
 */
int go_functions_add(const struct go_functions *g, struct elf_file *f, struct cfi_table *t);
