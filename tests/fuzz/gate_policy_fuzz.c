// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any bytes as a policy: what is refused names a line that is there. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gate/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gate_policy p;
	struct err e = { 0 };
	size_t lines = 1;

	gate_policy_init(&p);
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (gate_policy_parse(&p, (const char *)data, size, "p", &e) < 0) {
		unsigned long line = strtoul(e.msg + 2, NULL, 10);
		if (strncmp(e.msg, "p:", 2) != 0 || line < 1 || line > lines)
			abort();
	} else {
		gate_policy_function_floors(&p, "cpu", "f(int)", NULL);
		gate_policy_ignores(&p, "f(int)");
	}
	gate_policy_deinit(&p);
	return 0;
}
