// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "stats/proportion.h"

#include "stats/normal.h"

double proportion_upper(size_t hits, size_t trials, double confidence)
{
	if (hits >= trials)
		return 1;
	return beta_quantile(confidence, (double)hits + 1, (double)(trials - hits));
}
