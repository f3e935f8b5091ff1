// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/json.h"

#include "report/utf8.h"

void json_string(const char *text, FILE *out)
{
	putc('"', out);
	while (*text) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			putc('\\', out);
		if (c < 0x20) {
			fprintf(out, "\\u%04x", c);
			text++;
		} else {
			utf8_put(&text, out);
		}
	}
	putc('"', out);
}
