// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/wire.h"

const char *wire_head_read(struct cursor *c, struct wire_field *f, uint64_t *len)
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

const char *wire_field_read(struct cursor *c, struct wire_field *f)
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
