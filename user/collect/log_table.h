/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The table of logarithms that lib/exponential.h works with. */
#pragma once

#include <linux/types.h>

#include "lib/exponential.h"

/** table[i] = ln(1 + i / 1024) * 2^40, rounded. */
void log_table_fill(__u64 table[LOG_TABLE_SIZE]);
