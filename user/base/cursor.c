// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "base/cursor.h"

/* Ten bytes of seven bits hold 64 bits; the tenth may add one bit only. */
#define LEB_BYTES_MAX 10

bool cursor_uleb(struct cursor *c, uint64_t *to)
{
	uint64_t value = 0;
	const uint8_t *p = c->pos;

	for (unsigned int i = 0; i < LEB_BYTES_MAX && p < c->end; i++) {
		uint8_t byte = *p++;
		if (i == LEB_BYTES_MAX - 1 && byte > 1)
			return false;
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		c->pos = p;
		*to = value;
		return true;
	}
	return false;
}

bool cursor_sleb(struct cursor *c, int64_t *to)
{
	uint64_t value = 0;
	const uint8_t *p = c->pos;

	for (unsigned int i = 0; i < LEB_BYTES_MAX && p < c->end; i++) {
		uint8_t byte = *p++;
		if (i == LEB_BYTES_MAX - 1 && byte != 0 && byte != 0x7f)
			return false;
		unsigned int shift = 7 * i;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if ((byte & 0x40) && shift + 7 < 64)
			value |= ~0ULL << (shift + 7);
		c->pos = p;
		*to = (int64_t)value;
		return true;
	}
	return false;
}

bool cursor_cstr(struct cursor *c, const char **to)
{
	const uint8_t *nul = memchr(c->pos, '\0', cursor_left(c));
	if (!nul)
		return false;
	*to = (const char *)c->pos;
	c->pos = nul + 1;
	return true;
}
