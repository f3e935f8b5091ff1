// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/unit.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

struct unit {
	const char *name;
	const char *aliases[4]; /* lower case, singular */
	double factor;
};

/* A kind of quantity: its units, and the one used when the wanted unit is of another kind. */
struct quantity {
	struct unit units[9];
	const char *default_name;
	double default_factor;
};

static const struct quantity quantities[] = {
	{ { { "B", { "b", "byte" }, 1 },
	    { "kB", { "kb", "kbyte", "kilobyte" }, 0x1p10 },
	    { "MB", { "mb", "mbyte", "megabyte" }, 0x1p20 },
	    { "GB", { "gb", "gbyte", "gigabyte" }, 0x1p30 },
	    { "TB", { "tb", "tbyte", "terabyte" }, 0x1p40 },
	    { "PB", { "pb", "pbyte", "petabyte" }, 0x1p50 } },
	  "B",
	  1 },
	{ { { "ns", { "ns", "nanosecond" }, 1 },
	    { "us", { "\u03bcs", "us", "microsecond" }, 1e3 },
	    { "ms", { "ms", "millisecond" }, 1e6 },
	    { "s", { "s", "sec", "second" }, 1e9 },
	    { "hrs", { "hour", "hr" }, 3600e9 } },
	  "s",
	  1e9 },
	{ { { "n*GCU", { "nanogcu" }, 1e-9 },
	    { "u*GCU", { "microgcu" }, 1e-6 },
	    { "m*GCU", { "milligcu" }, 1e-3 },
	    { "GCU", { "gcu" }, 1 },
	    { "k*GCU", { "kilogcu" }, 1e3 },
	    { "M*GCU", { "megagcu" }, 1e6 },
	    { "G*GCU", { "gigagcu" }, 1e9 },
	    { "T*GCU", { "teragcu" }, 1e12 },
	    { "P*GCU", { "petagcu" }, 1e15 } },
	  "GCU",
	  1 },
};

/* Compare with an alias: lower case, and without a plural s if longer than two characters. */
static const struct unit *quantity_find(const struct quantity *q, const char *name)
{
	char lower[16];
	size_t len = strlen(name), runes = 0;

	if (len >= sizeof(lower))
		return NULL;
	for (size_t i = 0; i <= len; i++) {
		lower[i] = (char)tolower((unsigned char)name[i]);
		runes += i < len && ((unsigned char)name[i] & 0xc0) != 0x80;
	}
	/* The capital of the Greek letter in its microseconds. */
	if (memcmp(lower, "\u039c", 2) == 0)
		memcpy(lower, "\u03bc", 2);
	if (runes > 2 && lower[len - 1] == 's')
		lower[len - 1] = '\0';
	for (size_t u = 0; u < ARRAY_SIZE(q->units) && q->units[u].name; u++) {
		for (size_t a = 0; a < ARRAY_SIZE(q->units[u].aliases); a++) {
			const char *alias = q->units[u].aliases[a];
			if (alias && strcmp(alias, lower) == 0)
				return &q->units[u];
		}
	}
	return NULL;
}

static double quantity_auto(const struct quantity *q, double value, const char **unit)
{
	double factor = 0;

	for (size_t u = 0; u < ARRAY_SIZE(q->units) && q->units[u].name; u++) {
		if (q->units[u].factor >= factor && value / q->units[u].factor >= 1.0) {
			factor = q->units[u].factor;
			*unit = q->units[u].name;
		}
	}
	if (factor != 0)
		return value / factor;
	*unit = q->default_name;
	return value / q->default_factor;
}

static bool is_auto(const char *unit)
{
	return strcmp(unit, "auto") == 0 || strcmp(unit, "minimum") == 0;
}

static bool is_uninteresting(const char *unit)
{
	return is_auto(unit) || strcmp(unit, "count") == 0 || strcmp(unit, "sample") == 0 ||
	       strcmp(unit, "unit") == 0;
}

double unit_scale(int64_t value, const char *from, const char *to, const char **unit)
{
	if (value < 0 && value != INT64_MIN)
		return -unit_scale(-value, from, to, unit);
	for (size_t i = 0; i < ARRAY_SIZE(quantities); i++) {
		const struct quantity *q = &quantities[i];
		const struct unit *source = quantity_find(q, from);
		if (!source)
			continue;
		double v = (double)value * source->factor;
		if (is_auto(to))
			return quantity_auto(q, v, unit);
		const struct unit *target = quantity_find(q, to);
		*unit = target ? target->name : q->default_name;
		return v / (target ? target->factor : q->default_factor);
	}
	*unit = is_uninteresting(to) ? "" : to;
	return (double)value;
}

void unit_label(char text[UNIT_LABEL_MAX], int64_t value, const char *from, const char *to)
{
	const char *unit;
	double v = unit_scale(value, from, to, &unit);
	int len = snprintf(text, UNIT_LABEL_MAX, "%.2f", v);

	if (len > 3 && strcmp(text + len - 3, ".00") == 0)
		text[len -= 3] = '\0';
	if (strcmp(text, "0") == 0 || strcmp(text, "-0") == 0)
		strcpy(text, "0");
	else
		snprintf(text + len, (size_t)(UNIT_LABEL_MAX - len), "%s", unit);
}

/* Like printf's %5.2g, with an exponent of at least two digits, which C and Go agree on. */
void unit_percentage(char text[UNIT_LABEL_MAX], int64_t value, int64_t total)
{
	double ratio = total ? fabs((double)value / (double)total) * 100 : 0;

	if (ratio >= 99.95 && ratio <= 100.05)
		strcpy(text, "  100%");
	else
		snprintf(text, UNIT_LABEL_MAX, ratio >= 1.0 ? "%5.2f%%" : "%5.2g%%", ratio);
}

bool unit_compatible(const char *a, const char *b)
{
	if (strcmp(a, b) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(quantities); i++) {
		if (quantity_find(&quantities[i], a) && quantity_find(&quantities[i], b))
			return true;
	}
	return false;
}
