// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any text as /proc/PID/stat: parsed or refused. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "proc/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = { 0 };
	struct proc_status s;
	struct err e = { 0 };

	if (buf_add(&text, data, size) == 0 && proc_status_parse(text.data, &s, &e) == 0 &&
	    strlen(s.comm) >= sizeof(s.comm))
		abort();
	buf_deinit(&text);
	return 0;
}
