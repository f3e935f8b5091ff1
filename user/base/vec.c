// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "base/vec.h"

#include <stdlib.h>

int vec_grow(void **items, size_t *cap, size_t need, size_t size)
{
	if (need <= *cap)
		return 0;
	size_t want = *cap * 2;
	if (want < 8)
		want = 8;
	if (want < need)
		want = need;
	void *grown = reallocarray(*items, want, size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*cap = want;
	return 0;
}
