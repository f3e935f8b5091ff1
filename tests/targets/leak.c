// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* plugin-leak.so: forgets a block each time that it is used. */
#include "target.h"

void filter_apply(void);

TARGET_ROW char *filter_scratch(void)
{
	char *scratch = malloc(4096);

	scratch[0] = 0;
	return scratch;
}

void filter_apply(void)
{
	char *volatile forgotten = filter_scratch();

	(void)forgotten;
}
