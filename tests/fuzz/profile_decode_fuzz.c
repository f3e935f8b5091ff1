// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any bytes as a profile: what is decoded is encoded and decoded again, and must be the same. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "profile/decode.h"
#include "profile/encode.h"
#include "profile/merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(const struct profile *p, struct buf *b)
{
	struct err e = { 0 };

	if (profile_encode_raw(p, b, &e) < 0)
		abort();
}

static void check_round_trip(struct profile *p)
{
	struct buf once = { 0 }, twice = { 0 };
	struct profile *again = NULL;
	struct err e = { 0 };

	encode(p, &once);
	if (profile_decode(once.data, once.len, &again, &e) < 0)
		abort();
	encode(again, &twice);
	if (once.len != twice.len || memcmp(once.data, twice.data, once.len) != 0)
		abort();
	profile_destroy(again);
	buf_deinit(&once);
	buf_deinit(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile *p = NULL, *same = NULL, *merged = NULL;
	struct err e = { 0 };

	if (profile_decode(data, size, &p, &e) < 0)
		return 0;
	check_round_trip(p);
	if (profile_decode(data, size, &same, &e) < 0)
		abort();
	struct profile *both[] = { p, same };
	if (profile_merge(both, 2, &merged, &e) == 0)
		check_round_trip(merged);
	profile_destroy(merged);
	return 0;
}
