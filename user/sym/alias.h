/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Which of several names of one address people would call it by. */
#pragma once

/**
 * Negative if `a` is the better name, positive if `b` is: the one with fewer leading underscores
 * ("malloc", not "__libc_malloc"), then the shorter, then the first in byte order. 0 only for equal
 * names.
 */
int alias_compare(const char *a, const char *b);
