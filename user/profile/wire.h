/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The protobuf wire format (protobuf.dev/programming-guides/encoding), read from a cursor. Private
 * to this room.
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

/** The next field; NULL, or what is wrong with it, then the cursor has not moved. */
const char *wire_field_read(struct cursor *c, struct wire_field *f);

/**
 * The tag of the next field and, if it is WIRE_BYTES, the length of what follows, without needing
 * those bytes to be there; other fields are read whole. NULL or what is wrong.
 */
const char *wire_head_read(struct cursor *c, struct wire_field *f, uint64_t *len);
