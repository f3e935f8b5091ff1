// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/log_table.h"

#include <math.h>

void log_table_fill(__u64 table[LOG_TABLE_SIZE])
{
	for (int i = 0; i < LOG_TABLE_SIZE; i++)
		table[i] = (__u64)llround(log1p((double)i / (LOG_TABLE_SIZE - 1)) *
					  (double)(1ULL << LOG_FRACTION_BITS));
}
