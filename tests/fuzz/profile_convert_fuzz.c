// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any bytes as a profile of another tool: what comes of it is a valid profile. */
#include <stdlib.h>

#include "base/buf.h"
#include "profile/convert.h"
#include "profile/decode.h"
#include "profile/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile *p = NULL, *again = NULL;
	struct buf b = { 0 };
	struct err e = { 0 };

	if (profile_convert(data, size, &p, &e) < 0)
		return 0;
	if (profile_encode_raw(p, &b, &e) < 0 || profile_decode(b.data, b.len, &again, &e) < 0)
		abort();
	profile_destroy(p);
	profile_destroy(again);
	buf_deinit(&b);
	return 0;
}
