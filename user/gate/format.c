// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "profile/unit.h"

void format_value(char text[FORMAT_MAX], double value, const char *unit)
{
	char label[UNIT_LABEL_MAX];
	const char *small;

	/* As time is shown elsewhere: 945ms, not 0.945s. */
	if (strcmp(unit, "seconds") == 0) {
		value *= 1e9;
		unit = "nanoseconds";
	}
	/* Labels are of whole numbers; per unit of work, values may be less than one. */
	if (value < 1000) {
		unit_scale(1, unit, "auto", &small);
		snprintf(text, FORMAT_MAX, "%.3g%.40s", value, value == 0 ? "" : small);
		return;
	}
	unit_label(label, value < 0x1p62 ? llround(value) : INT64_MAX, unit, "auto");
	snprintf(text, FORMAT_MAX, "%.60s", label);
}

void format_ratio(char text[FORMAT_MAX], double ratio)
{
	double percent = (ratio - 1) * 100;

	if (isnan(ratio))
		snprintf(text, FORMAT_MAX, "?");
	else if (isinf(ratio))
		snprintf(text, FORMAT_MAX, "new");
	else if (ratio >= 10)
		snprintf(text, FORMAT_MAX, "x%.*f", ratio < 100, ratio);
	else if (fabs(percent) < 0.005)
		snprintf(text, FORMAT_MAX, "0%%");
	else
		snprintf(text, FORMAT_MAX, "%+.*f%%",
			 fabs(percent) < 0.995   ? 2
			 : fabs(percent) < 99.95 ? 1
						 : 0,
			 percent);
}

void format_interval(char text[FORMAT_MAX], double low, double high)
{
	char from[FORMAT_MAX], to[FORMAT_MAX];

	*text = '\0';
	if (isnan(low) || isnan(high) || isinf(low))
		return;
	format_ratio(from, low);
	format_ratio(to, high);
	snprintf(text, FORMAT_MAX, "[%.20s, %.20s]", from, isinf(high) ? "inf" : to);
}

void format_percent(char text[FORMAT_MAX], double fraction)
{
	snprintf(text, FORMAT_MAX, "%.3g%%", fraction * 100);
}

void format_p(char text[FORMAT_MAX], double p)
{
	if (isnan(p))
		snprintf(text, FORMAT_MAX, "?");
	else
		snprintf(text, FORMAT_MAX, "%.2g", p);
}
