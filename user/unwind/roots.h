/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Functions that are known to be outermost though no CFI says so.
 */
#pragma once

#include "elf/elf_file.h"
#include "unwind/cfi.h"

/**
 * Mark roots in a sorted table as FDEs of CFI_CIE_ROOT; it stays sorted:
 *
 *   - the code at the ELF entry point, if no FDE covers it (musl's _start, the dynamic loader's);
 *   - where glibc's makecontext lets its functions return to, whose CFI is that of a called
 * function.
 *
 * 0 or -ENOMEM.
 */
int roots_add(struct cfi_table *t, struct elf_file *f);
