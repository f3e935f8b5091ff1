/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The functions of the running kernel and its modules, as /proc/kallsyms lists them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct kallsyms;

struct kallsyms_symbol {
	uint64_t start;
	const char *name;
	const char *module; /* "" for the kernel itself */
};

/**
 * Read a list of "ADDRESS TYPE NAME[\t[MODULE]]" lines; `path` is /proc/kallsyms but in tests. Of
 * several names of one address the global ones go first, then as alias_compare() says. The caller
 * frees *ret with kallsyms_destroy(); untouched on failure.
 *
 * -EPERM: the kernel hides the addresses from us (kptr_restrict); -EPROTO: a line that is none of
 * the kernel's; or another negative errno.
 */
int kallsyms_load(const char *path, struct kallsyms **ret, struct err *e);
void kallsyms_destroy(struct kallsyms *k);

/**
 * The function that starts last at or before an address. The kernel tells no sizes: a symbol ends
 * where the next one starts, and the last one at the end of the address space. Names live as long
 * as `k`.
 */
bool kallsyms_find(const struct kallsyms *k, uint64_t addr, struct kallsyms_symbol *ret);
