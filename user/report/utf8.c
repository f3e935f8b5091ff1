// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/utf8.h"

size_t utf8_length(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

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
	size_t len = utf8_length(*text);

	if (len == 0) {
		fputs("\xef\xbf\xbd", out);
		(*text)++;
		return;
	}
	fwrite(*text, 1, len, out);
	*text += len;
}

size_t utf8_count(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; count++) {
		size_t n = utf8_length(text + i);
		i += n && n <= len - i ? n : 1;
	}
	return count;
}
