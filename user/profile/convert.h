/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Profiles in other formats, told apart by their content:
 *
 * - the text of `perf script`;
 * - collapsed stacks, "root;caller;leaf 12" (github.com/brendangregg/FlameGraph);
 * - the heap, contention and CPU profiles of gperftools and jemalloc
 *   (gperftools.github.io/gperftools/cpuprofile-fileformat.html; "heap profile:", "heap_v2/";
 *   "--- contention"), with the memory map at their end.
 *
 * Addresses of those last ones have no names; heap samples are scaled to what was allocated, as
 * google/pprof does.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "profile/profile.h"

/**
 * Convert `len` bytes. The caller owns *ret. -ENOMSG: none of these formats; -EBADMSG: something is
 * wrong, the message tells the line.
 */
int profile_convert(const void *data, size_t len, struct profile **ret, struct err *e);
