// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* libc_calls [SECONDS]: spends its time in the C library: sorting, printing, reading, matching. */
#include <math.h>
#include <regex.h>
#include <string.h>

#include "target.h"

static int order(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

TARGET_ROW void libc_work(regex_t *regex)
{
	char text[512];
	double number;
	int some[64];
	time_t now = time(NULL);

	for (int i = 0; i < 64; i++)
		some[i] = rand();
	qsort(some, 64, sizeof(some[0]), order);
	for (int i = 0; i < 16; i++) {
		snprintf(text, sizeof(text), "%d %f %g %s", some[i], sqrt(some[i]), 1e300 / some[i],
			 "text");
		sscanf(text, "%*d %lf", &number);
		number += strtod(text, NULL);
		regexec(regex, "xxxabcbcbcdefg", 0, NULL, 0);
		free(malloc((size_t)some[i] & 4095));
	}
	strftime(text, sizeof(text), "%c", localtime(&now));
}

int main(int argc, char **argv)
{
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 1, 60));
	regex_t regex;

	if (regcomp(&regex, "a(b|c)*d[e-g]+", REG_EXTENDED) != 0)
		return 1;
	target_ready();
	while (!target_is_over(deadline_ns))
		libc_work(&regex);
	regfree(&regex);
	return 0;
}
