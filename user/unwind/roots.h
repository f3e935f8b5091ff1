/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Functions that are known to be outermost though no CFI says so.
 */
#pragma once

#include "elf/elf_file.h"
#include "unwind/cfi.h"

/** In the place of a CIE's index: the code is a root. */
#define ROOT_CIE UINT32_MAX

/**
 * Add the roots of a file to its sorted table as FDEs of ROOT_CIE, where no FDE covers them, and
 * sort it again:
 *
 *   - the code at the ELF entry point (musl's _start and the dynamic loader's have no CFI);
 *   - Go's goexit, mstart and rt0_go (Go programs have no .eh_frame).
 *
 * 0 or -ENOMEM.
 */
int roots_add(struct cfi_table *t, struct elf_file *f);
