/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Units of profile values: bytes, time and GCUs scale, anything else is taken as it is. The unit
 * names, factors and formats are those of google/pprof, internal/measurement (2026-09).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** Enough for any label or percentage, with units of up to 60 bytes. */
#define UNIT_LABEL_MAX 400

/**
 * Scale a value to another unit; `to` may also be "auto" or "minimum", the largest unit in which
 * the value is at least 1. *unit is the unit to print, "" where it says nothing: a static string or
 * `to` itself.
 */
double unit_scale(int64_t value, const char *from, const char *to, const char **unit);

/** The value in unit `to` with at most two decimals and its unit: "1.50MB", "3s", "0". */
void unit_label(char text[UNIT_LABEL_MAX], int64_t value, const char *from, const char *to);

/** The share of `total`, at least two digits: "12.50%", "0.012%", "  100%"; 5 or more wide. */
void unit_percentage(char text[UNIT_LABEL_MAX], int64_t value, int64_t total);

/** (double) to int64_t as amd64 does it: what does not fit is INT64_MIN. */
static inline int64_t unit_truncate(double v)
{
	return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

/** Whether values in these units can be added up after scaling. */
bool unit_compatible(const char *a, const char *b);
