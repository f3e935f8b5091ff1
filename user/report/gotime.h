/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Times and durations as Go's time package prints them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** "1m2.5s", "20ms", "0s". */
void gotime_duration(char *text, size_t size, int64_t nanos);

/** A time since the epoch, local: "2026-11-21 09:36:40.123456789 +0000 UTC". */
void gotime_time(char *text, size_t size, int64_t nanos);
