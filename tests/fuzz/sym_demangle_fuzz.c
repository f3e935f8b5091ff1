// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any bytes as a mangled name: bounded time and memory, and text that can be printed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sym/demangle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = demangle((const char *)data, size);

	if (name && (!name[0] || strlen(name) > 64 << 10))
		abort();
	free(name);
	return 0;
}
