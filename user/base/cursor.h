/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Bounds-checked reading of untrusted little-endian bytes.
 *
 * Every read returns false and moves nothing when the bytes are not all there or the number does
 * not fit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *pos;
	const uint8_t *end;
};

static inline struct cursor cursor_init(const void *data, size_t len)
{
	/* No bytes may be NULL, which C does not let us add 0 to. */
	return (struct cursor){ data, len ? (const uint8_t *)data + len : data };
}

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->pos);
}

static inline bool cursor_read(struct cursor *c, void *to, size_t len)
{
	if (cursor_left(c) < len)
		return false;
	memcpy(to, c->pos, len);
	c->pos += len;
	return true;
}

static inline bool cursor_skip(struct cursor *c, uint64_t len)
{
	if (cursor_left(c) < len)
		return false;
	c->pos += len;
	return true;
}

static inline bool cursor_u8(struct cursor *c, uint8_t *to)
{
	return cursor_read(c, to, 1);
}

static inline bool cursor_u16(struct cursor *c, uint16_t *to)
{
	return cursor_read(c, to, 2);
}

static inline bool cursor_u32(struct cursor *c, uint32_t *to)
{
	return cursor_read(c, to, 4);
}

static inline bool cursor_u64(struct cursor *c, uint64_t *to)
{
	return cursor_read(c, to, 8);
}

/** Split off the next `len` bytes as a cursor of their own. */
static inline bool cursor_sub(struct cursor *c, uint64_t len, struct cursor *sub)
{
	if (cursor_left(c) < len)
		return false;
	*sub = cursor_init(c->pos, len);
	c->pos += len;
	return true;
}

/** An unsigned LEB128 of at most 64 bits (DWARF 5, section 7.6). */
bool cursor_uleb(struct cursor *c, uint64_t *to);

/** A signed LEB128 of at most 64 bits (DWARF 5, section 7.6). */
bool cursor_sleb(struct cursor *c, int64_t *to);

/** A NUL-terminated string; *to points into the bytes. */
bool cursor_cstr(struct cursor *c, const char **to);
