/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Text whose tabs become columns, right-aligned and a blank apart, as Go's text/tabwriter makes
 * them: cells end with a tab, a column is as wide as its widest cell in adjacent lines, and what
 * comes after a line's last tab is in none.
 */
#pragma once

#include "base/buf.h"

/** Append `text`, all of whose lines end, to `to`; 0 or -ENOMEM. */
int columns_add(const char *text, size_t len, struct buf *to);
