/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What the code at a program's entry point tells; one file for each architecture. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * The address of main in `len` bytes of code at `vaddr` that hand it to __libc_start_main as its
 * first argument; 0 if it is not seen. x86_64: psABI, "Parameter Passing", and glibc's start.S.
 */
uint64_t entry_main_x86_64(const uint8_t *code, size_t len, uint64_t vaddr);
