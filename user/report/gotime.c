// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/gotime.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ".5" of 500000000 in `digits` = 9 digits; nothing of 0. */
static void fraction(char text[12], uint64_t v, int digits)
{
	text[0] = '\0';
	if (v == 0)
		return;
	int len = snprintf(text, 12, ".%0*" PRIu64, digits, v);
	while (text[len - 1] == '0')
		text[--len] = '\0';
}

void gotime_duration(char *text, size_t size, int64_t nanos)
{
	static const struct {
		uint64_t nanos;
		int digits;
		const char *unit;
	} small[] = { { 1000000, 6, "ms" }, { 1000, 3, "\u00b5s" }, { 1, 0, "ns" } };
	uint64_t v = nanos < 0 ? 0 - (uint64_t)nanos : (uint64_t)nanos;
	const char *sign = nanos < 0 ? "-" : "";
	char part[12];

	if (v == 0) {
		snprintf(text, size, "0s");
		return;
	}
	if (v < 1000000000) {
		size_t i = 0;
		while (v < small[i].nanos)
			i++;
		fraction(part, v % small[i].nanos, small[i].digits);
		snprintf(text, size, "%s%" PRIu64 "%s%s", sign, v / small[i].nanos, part,
			 small[i].unit);
		return;
	}
	fraction(part, v % 1000000000, 9);
	uint64_t seconds = v / 1000000000, minutes = seconds / 60, hours = minutes / 60;
	if (hours)
		snprintf(text, size, "%s%" PRIu64 "h%" PRIu64 "m%" PRIu64 "%ss", sign, hours,
			 minutes % 60, seconds % 60, part);
	else if (minutes)
		snprintf(text, size, "%s%" PRIu64 "m%" PRIu64 "%ss", sign, minutes, seconds % 60,
			 part);
	else
		snprintf(text, size, "%s%" PRIu64 "%ss", sign, seconds, part);
}

void gotime_time(char *text, size_t size, int64_t nanos)
{
	int64_t rest = nanos % 1000000000;
	time_t seconds = (time_t)(nanos / 1000000000);
	struct tm tm;
	char day[64], zone[64], part[12];

	if (rest < 0) {
		rest += 1000000000;
		seconds--;
	}
	text[0] = '\0';
	if (!localtime_r(&seconds, &tm))
		return;
	strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z %Z", &tm);
	fraction(part, (uint64_t)rest, 9);
	snprintf(text, size, "%s%s %s", day, part, zone);
}
