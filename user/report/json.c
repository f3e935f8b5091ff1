// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/json.h"

#include <stddef.h>

/* The length of the well-formed UTF-8 sequence (RFC 3629) at `s`, or 0. */
static size_t utf8_length(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Overlong, surrogate, beyond U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

void utf8_put(const char **text, FILE *out)
{
	size_t len = utf8_length((const unsigned char *)*text);

	if (len == 0) {
		fputs("\xef\xbf\xbd", out);
		(*text)++;
		return;
	}
	fwrite(*text, 1, len, out);
	*text += len;
}

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
