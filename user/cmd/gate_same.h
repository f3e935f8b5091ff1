/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Whether two outputs are the same, and where they begin to differ. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct gate_difference {
	size_t line;                /* from 1 on */
	char first[48], second[48]; /* that line of each, as far as it fits; "" behind the end */
};

/** Compare byte by byte; false: *d tells where they differ. */
bool gate_same(const struct buf *first, const struct buf *second, struct gate_difference *d);
