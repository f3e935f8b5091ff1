/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What is known of code beyond its CFI.
 */
#pragma once

#include "elf/elf_file.h"
#include "unwind/cfi.h"

/**
 * Put right in a sorted table, which stays sorted:
 *
 *   - the code at the ELF entry point is a root if no FDE covers it (musl's _start, the dynamic
 * loader's);
 *   - what glibc's makecontext lets its functions return to is a root, though its CFI is that of a
 * called function;
 *   - from their system call on, glibc's clone functions have no CFI, as it would be wrong in the
 * child.
 *
 * 0 or -ENOMEM.
 */
int quirks_add(struct cfi_table *t, struct elf_file *f);
