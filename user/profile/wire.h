/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The protobuf wire format (protobuf.dev/programming-guides/encoding), read from a cursor. Private
 * to this room. All of it is inline: a profile is millions of fields.
 */
#pragma once

#include "base/cursor.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_field {
	uint64_t number;
	enum wire_type type;
	uint64_t value;      /* of a varint or fixed field */
	struct cursor bytes; /* of a WIRE_BYTES field */
};

/** A varint of at most 10 bytes; bits past the 64th are dropped, as protobuf does. */
static inline bool wire_varint(struct cursor *c, uint64_t *to)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 10 && c->pos + i < c->end; i++) {
		uint8_t byte = c->pos[i];
		v |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			c->pos += i + 1;
			*to = v;
			return true;
		}
	}
	return false;
}

/**
 * The tag of the next field and, if it is WIRE_BYTES, the length of what follows, without needing
 * those bytes to be there; other fields are read whole. NULL or what is wrong, then the cursor has
 * not moved.
 */
static inline const char *wire_head_read(struct cursor *c, struct wire_field *f, uint64_t *len)
{
	struct cursor at = *c;
	uint64_t tag;
	uint32_t word;

	if (!wire_varint(&at, &tag))
		return "bad varint";
	f->number = tag >> 3;
	f->type = tag & 7;
	f->value = 0;
	*len = 0;
	switch (f->type) {
	case WIRE_VARINT:
		if (!wire_varint(&at, &f->value))
			return "bad varint";
		break;
	case WIRE_FIXED64:
		if (!cursor_u64(&at, &f->value))
			return "not enough data";
		break;
	case WIRE_BYTES:
		if (!wire_varint(&at, len))
			return "bad varint";
		break;
	case WIRE_FIXED32:
		if (!cursor_u32(&at, &word))
			return "not enough data";
		f->value = word;
		break;
	default:
		return "unknown wire type";
	}
	*c = at;
	return NULL;
}

/** The next field; NULL or what is wrong with it, then the cursor has not moved. */
static inline const char *wire_field_read(struct cursor *c, struct wire_field *f)
{
	struct cursor at = *c;
	uint64_t len;
	const char *wrong = wire_head_read(&at, f, &len);
	if (wrong)
		return wrong;
	if (f->type == WIRE_BYTES && !cursor_sub(&at, len, &f->bytes))
		return "too much data";
	*c = at;
	return NULL;
}
