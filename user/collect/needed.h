/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The files that a program will load at its start: its interpreter and the closure of its DT_NEEDED
 * entries, found as ld.so(8) finds them.
 *
 * Best effort, to have them compiled before the program runs: what is not found here is found when
 * it is mapped.
 */
#pragma once

typedef void (*needed_fn)(void *ctx, const char *path);

/** Call `fn` for the program and each file of its closure, each path once. */
void needed_each(const char *program, needed_fn fn, void *ctx);
