// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

struct rune {
	uint32_t code;
	size_t len; /* in bytes */
	bool valid; /* else it is one byte that is no UTF-8 */
};

static struct rune rune_at(const char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)text;
	struct rune r = { s[0], 1, s[0] < 0x80 };

	if (r.valid || s[0] < 0xc0 || s[0] > 0xf7)
		return r;
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t code = s[0] & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return r;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return r;
	return (struct rune){ code, len, true };
}

static bool is_control(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0, 0x1f },        { 0x7f, 0x9f },
		{ 0x61c, 0x61c },   { 0x200e, 0x200f }, /* direction marks */
		{ 0x2028, 0x202e },                     /* line ends, embeddings and overrides */
		{ 0x2066, 0x2069 },                     /* isolates */
		{ 0xfeff, 0xfeff }, { 0xfffe, 0xffff }, /* byte order mark; no characters of XML */
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

static const char *escape_markdown(char c, char escaped[3])
{
	/* A zero-width space keeps names from being notified and numbers from being linked. */
	if (c == '@')
		return "@\xe2\x80\x8b";
	if (c == '#')
		return "#\xe2\x80\x8b";
	if (!strchr("\\`*_[]<>|~$&", c))
		return NULL;
	escaped[0] = '\\';
	escaped[1] = c;
	escaped[2] = '\0';
	return escaped;
}

/* What stands for an ASCII character in a format; NULL: itself. */
static const char *escape_of(enum escape how, char c, char escaped[3])
{
	switch (how) {
	case ESCAPE_XML:
		return c == '&'   ? "&amp;"
		       : c == '<' ? "&lt;"
		       : c == '>' ? "&gt;"
		       : c == '"' ? "&quot;"
				  : NULL;
	case ESCAPE_MARKDOWN:
		return escape_markdown(c, escaped);
	case ESCAPE_CODE:
		return c == '|' ? "\\|" : NULL;
	case ESCAPE_COMMAND:
		return c == '%' ? "%25" : NULL;
	case ESCAPE_PROPERTY:
		return c == '%' ? "%25" : c == ':' ? "%3A" : c == ',' ? "%2C" : NULL;
	default:
		return NULL;
	}
}

static size_t count_runes(const char *text)
{
	size_t count = 0;

	for (; *text; text += rune_at(text).len)
		count++;
	return count;
}

int escape_add(struct buf *to, enum escape how, const char *text, size_t most)
{
	bool cut = most && count_runes(text) > most;

	for (size_t count = 0; *text; count++) {
		struct rune r = rune_at(text);
		char escaped[3];
		const char *other = NULL;
		if (cut && count + 3 == most)
			return buf_add(to, "...", 3);
		if (!r.valid || (how != ESCAPE_JSON && is_control(r.code)))
			other = REPLACEMENT;
		else if (r.code < 0x80)
			other = escape_of(how, *text, escaped);
		if (other)
			buf_add(to, other, strlen(other));
		else
			buf_add(to, text, r.len);
		text += r.len;
	}
	return to->error;
}
