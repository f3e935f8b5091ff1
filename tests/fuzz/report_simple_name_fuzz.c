// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any bytes as a mangled name: bounded time, memory and stack. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/simple_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *mangled = strndup((const char *)data, size);
	char *name = mangled ? simple_name(mangled) : NULL;

	if (name && !name[0])
		abort();
	free(name);
	free(mangled);
	return 0;
}
