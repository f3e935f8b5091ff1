/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Profiles in other formats, plain or gzip, told apart by their content:
 *
 * - the text of `perf script`;
 * - collapsed stacks, "root;caller;leaf 12" (github.com/brendangregg/FlameGraph);
 * - CPU profiles of gperftools, in words of 32 or 64 bits of either byte order
 *   (gperftools.github.io/gperftools/cpuprofile-fileformat.html);
 * - heap profiles of gperftools ("heap profile:", growth too), jemalloc ("heap_v2/") and old Go
 *   programs, contention and thread profiles ("--- contentionz", "--- mutex:", "--- threadz"), and
 *   Go's counts ("goroutine profile: total 5"), with the memory map at their end;
 * - those with the names of addresses before them ("--- symbol"), as pprof --raw writes them.
 *
 * But for those names the result is google/pprof's: heap samples are scaled to what was allocated,
 * the frames of signal handlers taken out of CPU profiles, parts of split mappings put together.
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
