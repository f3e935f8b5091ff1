// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any text as /proc/PID/smaps: added up or refused as a whole. */
#include <stdint.h>
#include <stdlib.h>

#include "proc/smaps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = { 0 };
	struct proc_smaps sum = { .stacks = 4096 };
	struct err e = { 0 };

	if (buf_add(&text, data, size) == 0) {
		int rc = proc_smaps_parse(&text, &sum, &e);
		if (sum.stacks < 4096 || proc_smaps_rss(&sum) < sum.stacks ||
		    (rc < 0 && proc_smaps_rss(&sum) != 4096))
			abort();
	}
	buf_deinit(&text);
	return 0;
}
