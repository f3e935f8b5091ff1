/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What the kernel does with the instruction under a uprobe; one file for each architecture. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Does every kernel from 5.10 on emulate the instruction that starts at `bytes`? Others are
 * single-stepped out of line, which costs about ten times as much. False if the instruction is not
 * all within `len` bytes. Linux: arch/x86/kernel/uprobes.c, branch_setup_xol_ops() and
 * push_setup_xol_ops().
 */
bool probe_insn_emulated(const uint8_t *bytes, size_t len);

/** Does the kernel refuse a uprobe on it? Linux: ibid., is_prefix_bad() and good_insns_64. */
bool probe_insn_refused(const uint8_t *bytes, size_t len);
