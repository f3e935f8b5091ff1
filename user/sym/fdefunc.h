/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Where the functions of a stripped file begin and end, from the FDEs of its .eh_frame (Linux
 * Standard Base, "Exception Frames"): compilers write one for each function, and one more for each
 * part of a function that they moved elsewhere.
 *
 * Two of them can be named: the one at the ELF entry point is `_start`, and the one that its code
 * hands to __libc_start_main is `main`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "elf/elf_file.h"

struct fdefunc;

struct fdefunc_function {
	uint64_t start, end; /* addresses in the file, end exclusive */
	const char *name;    /* "_start", "main" or NULL; static */
};

/**
 * Read all FDEs; those that make no sense are left out, and reading ends where the section is
 * damaged. The file is not needed afterwards. The caller frees *ret with fdefunc_destroy();
 * untouched on failure. -ENOENT: no .eh_frame, or nothing in it.
 */
int fdefunc_create(struct elf_file *f, struct fdefunc **ret, struct err *e);
void fdefunc_destroy(struct fdefunc *t);

/** The function that contains an address. */
bool fdefunc_find(const struct fdefunc *t, uint64_t addr, struct fdefunc_function *ret);
