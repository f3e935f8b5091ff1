// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/pad.h"

#include <string.h>

#include "report/utf8.h"

int pad_width(const char *text)
{
	return (int)utf8_count(text, strlen(text));
}

void pad_text(const char *text, int width, FILE *out)
{
	for (int runes = pad_width(text); runes < width; runes++)
		putc(' ', out);
	fputs(text, out);
}

void pad_value(const struct report *r, int64_t value, int width, FILE *out)
{
	char text[UNIT_LABEL_MAX];

	report_format(r, value, text);
	pad_text(text, width, out);
}

void pad_share(int64_t value, int64_t total, FILE *out)
{
	char text[UNIT_LABEL_MAX];

	unit_percentage(text, value, total);
	fputs(text, out);
}

void pad_weights(const struct report *r, int64_t flat, int64_t sum, int64_t cum, FILE *out)
{
	pad_value(r, flat, 10, out);
	putc(' ', out);
	pad_share(flat, r->total, out);
	putc(' ', out);
	pad_share(sum, r->total, out);
	putc(' ', out);
	pad_value(r, cum, 10, out);
	putc(' ', out);
	pad_share(cum, r->total, out);
}
