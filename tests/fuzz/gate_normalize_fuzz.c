// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Any bytes as a symbol: a name comes out, at most twice as long and a bit; and a brief one, which
 * is no longer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gate/brief.h"
#include "gate/normalize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = strndup((const char *)data, size);
	struct buf b = { 0 }, brief = { 0 };

	if (!name)
		return 0;
	if (gate_normalize(name, &b) < 0 || (*name && b.len == 0) || b.len > 2 * strlen(name) + 32)
		abort();
	if (brief_name(&brief, name) < 0 || (*name && brief.len == 0) || brief.len > strlen(name))
		abort();
	buf_deinit(&brief);
	buf_deinit(&b);
	free(name);
	return 0;
}
