// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/stack_insn.h"

#include <string.h>

#define LEN_MAX 15
#define RSP     4
#define RBP     5

enum map { MAP_1, MAP_0F, MAP_0F38, MAP_0F3A };

/* An instruction under way; registers are numbers with the bit of their REX prefix. */
struct decoder {
	const uint8_t *code;
	size_t size, at;
	enum map map;
	uint8_t opcode;
	bool rex_w, rex_r, rex_x, rex_b, data16, address32, vector;
	bool memory, rip;
	uint8_t mod, reg, rm, base, index;
	int32_t displacement, immediate;
};

static bool byte_take(struct decoder *d, uint8_t *to)
{
	if (d->at >= d->size || d->at >= LEN_MAX)
		return false;
	*to = d->code[d->at++];
	return true;
}

/* A signed number of 0, 1, 2, 4 or 8 bytes; of those of 8 the low half is kept. */
static bool number_take(struct decoder *d, unsigned bytes, int32_t *to)
{
	uint32_t value = 0;
	uint8_t byte = 0;

	for (unsigned i = 0; i < bytes; i++) {
		if (!byte_take(d, &byte))
			return false;
		if (i < 4)
			value |= (uint32_t)byte << (8 * i);
	}
	*to = bytes == 1 ? (int8_t)value : bytes == 2 ? (int16_t)value : (int32_t)value;
	return true;
}

static bool vector_prefix_take(struct decoder *d, uint8_t first)
{
	uint8_t second, rest;

	d->vector = true;
	if (!byte_take(d, &second))
		return false;
	if (first == 0xc5) {
		d->map = MAP_0F;
		return byte_take(d, &d->opcode);
	}
	if ((first == 0x62 ? second & 7 : second & 31) > MAP_0F3A || (second & 3) == 0)
		return false;
	d->map = (enum map)(second & 3);
	for (int i = first == 0x62 ? 2 : 1; i > 0; i--)
		if (!byte_take(d, &rest))
			return false;
	return byte_take(d, &d->opcode);
}

/* Prefixes, and the opcode with its map. */
static bool opcode_take(struct decoder *d)
{
	static const char prefixes[] = "\x2e\x36\x3e\x26\x64\x65\xf0\xf2\xf3\x66\x67";
	uint8_t byte;

	do {
		if (!byte_take(d, &byte))
			return false;
		d->data16 |= byte == 0x66;
		d->address32 |= byte == 0x67;
	} while (byte && strchr(prefixes, (char)byte));
	if ((byte & 0xf0) == 0x40) {
		d->rex_w = byte >> 3 & 1;
		d->rex_r = byte >> 2 & 1;
		d->rex_x = byte >> 1 & 1;
		d->rex_b = byte & 1;
		if (!byte_take(d, &byte))
			return false;
	}
	if (byte == 0xc4 || byte == 0xc5 || byte == 0x62)
		return vector_prefix_take(d, byte);
	if (byte == 0x0f) {
		d->map = MAP_0F;
		if (!byte_take(d, &byte))
			return false;
		if (byte == 0x38 || byte == 0x3a) {
			d->map = byte == 0x38 ? MAP_0F38 : MAP_0F3A;
			if (!byte_take(d, &byte))
				return false;
		}
	}
	d->opcode = byte;
	return true;
}

static bool in(uint8_t opcode, uint8_t first, uint8_t last)
{
	return opcode >= first && opcode <= last;
}

static bool has_modrm(const struct decoder *d)
{
	uint8_t op = d->opcode;

	if (d->map == MAP_1)
		return (op < 0x40 && (op & 7) < 4) || op == 0x63 || op == 0x69 || op == 0x6b ||
		       in(op, 0x80, 0x8f) || in(op, 0xc0, 0xc1) || in(op, 0xc6, 0xc7) ||
		       in(op, 0xd0, 0xd3) || in(op, 0xd8, 0xdf) || in(op, 0xf6, 0xf7) ||
		       in(op, 0xfe, 0xff);
	if (d->map == MAP_0F)
		return !(in(op, 0x05, 0x0b) || op == 0x0e || in(op, 0x30, 0x37) || op == 0x77 ||
			 in(op, 0x80, 0x8f) || in(op, 0xa0, 0xa2) || in(op, 0xa8, 0xaa) ||
			 in(op, 0xc8, 0xcf));
	return true;
}

/* How many bytes of immediate operand. */
static unsigned immediate_bytes(const struct decoder *d)
{
	unsigned word = d->data16 ? 2 : 4;
	uint8_t op = d->opcode;

	if (d->map == MAP_0F3A)
		return 1;
	if (d->map == MAP_0F38)
		return 0;
	if (d->map == MAP_0F)
		return in(op, 0x80, 0x8f) && !d->vector ? 4
		       : in(op, 0x70, 0x73) || op == 0xa4 || op == 0xac || op == 0xba ||
				       op == 0xc2 || in(op, 0xc4, 0xc6) || op == 0x0f
			       ? 1
			       : 0;
	if (in(op, 0xa0, 0xa3))
		return d->address32 ? 4 : 8;
	if (in(op, 0xb8, 0xbf))
		return d->rex_w ? 8 : word;
	if (op == 0xe8 || op == 0xe9)
		return 4;
	if (op == 0xc2)
		return 2;
	if (op == 0xc8)
		return 3;
	if ((op < 0x40 && (op & 7) == 5) || op == 0x68 || op == 0x69 || op == 0x81 || op == 0xa9 ||
	    op == 0xc7 || (op == 0xf7 && (d->reg & 7) < 2))
		return word;
	return (op < 0x40 && (op & 7) == 4) || op == 0x6a || op == 0x6b || in(op, 0x70, 0x80) ||
	       op == 0x83 || op == 0xa8 || in(op, 0xb0, 0xb7) || in(op, 0xc0, 0xc1) || op == 0xc6 ||
	       op == 0xcd || in(op, 0xe0, 0xe7) || op == 0xeb || (op == 0xf6 && (d->reg & 7) < 2);
}

static bool modrm_take(struct decoder *d)
{
	uint8_t modrm, sib;

	if (!byte_take(d, &modrm))
		return false;
	d->mod = modrm >> 6;
	d->reg = (uint8_t)((modrm >> 3 & 7) | d->rex_r << 3);
	d->rm = (uint8_t)((modrm & 7) | d->rex_b << 3);
	d->memory = d->mod != 3;
	if (!d->memory)
		return true;
	unsigned bytes = d->mod == 1 ? 1 : d->mod == 2 ? 4 : 0;
	d->base = d->rm;
	d->index = RSP; /* none */
	if ((modrm & 7) == 4) {
		if (!byte_take(d, &sib))
			return false;
		d->base = (uint8_t)((sib & 7) | d->rex_b << 3);
		d->index = (uint8_t)((sib >> 3 & 7) | d->rex_x << 3);
	}
	d->rip = d->mod == 0 && (modrm & 7) == 5;
	if (d->mod == 0 && (d->base & 7) == 5)
		bytes = 4;
	return number_take(d, bytes, &d->displacement);
}

/* ---- What it does -----------------------------------------------------------------------------
 */

static void stack_moves(struct stack_insn *to, int32_t by)
{
	to->stack = STACK_MOVES;
	to->value = by;
}

/* add, and, sub and the like of a constant and rsp */
static void arithmetic_take(const struct decoder *d, struct stack_insn *to)
{
	if (d->memory || d->rm != RSP || d->reg % 8 == 7)
		return; /* cmp */
	if (d->reg % 8 == 0)
		stack_moves(to, d->immediate);
	else if (d->reg % 8 == 5)
		stack_moves(to, -d->immediate);
	else
		to->stack = STACK_LOST;
}

static void lea_take(const struct decoder *d, struct stack_insn *to)
{
	if (d->rip) {
		to->addresses = true;
		to->target = d->displacement;
	}
	if (d->reg != RSP)
		return;
	to->stack = STACK_LOST;
	if (d->rip || d->index != RSP || (d->mod == 0 && d->base % 8 == 5))
		return;
	if (d->base == RSP)
		stack_moves(to, d->displacement);
	if (d->base == RBP) {
		to->stack = STACK_FROM_BP;
		to->value = d->displacement;
	}
}

static void move_take(const struct decoder *d, struct stack_insn *to)
{
	uint8_t dest = d->opcode == 0x89 ? d->rm : d->reg;
	uint8_t source = d->opcode == 0x89 ? d->reg : d->rm;

	if (d->memory && d->opcode == 0x89)
		return;
	if (!d->memory && dest == RBP && source == RSP)
		to->frame = FRAME_SET;
	else if (!d->memory && dest == RSP && source == RBP)
		to->stack = STACK_FROM_BP;
	else if (dest == RSP)
		to->stack = STACK_LOST;
}

/* inc, dec, call, jmp, push */
static void group5_take(const struct decoder *d, struct stack_insn *to)
{
	switch (d->reg % 8) {
	case 2:
	case 3:
		to->next = NEXT_CALL;
		break;
	case 4:
	case 5:
		to->next = NEXT_SWITCH;
		break;
	case 6:
		stack_moves(to, -8);
		break;
	default:
		if (!d->memory && d->rm == RSP)
			to->stack = STACK_LOST;
	}
}

static void leads(struct stack_insn *to, enum stack_next next, int32_t target)
{
	to->next = next;
	to->direct = true;
	to->target = target;
}

static void flow_take(const struct decoder *d, struct stack_insn *to)
{
	uint8_t op = d->opcode;

	if (d->map == MAP_0F) {
		if (in(op, 0x80, 0x8f) && !d->vector)
			leads(to, NEXT_BRANCH, d->immediate);
		else if (op == 0x0b)
			to->next = NEXT_NOWHERE;
	} else if (in(op, 0x70, 0x7f) || in(op, 0xe0, 0xe3)) {
		leads(to, NEXT_BRANCH, d->immediate);
	} else if (op == 0xe8) {
		leads(to, NEXT_CALL, d->immediate);
	} else if (op == 0xe9 || op == 0xeb) {
		leads(to, NEXT_JUMP, d->immediate);
	} else if (op == 0xc2 || op == 0xc3) {
		to->next = NEXT_RETURN;
	} else if (op == 0xcc || op == 0xf4) {
		to->next = NEXT_NOWHERE;
	}
}

static void push_pop_take(const struct decoder *d, struct stack_insn *to)
{
	uint8_t op = d->opcode, reg = (uint8_t)((op & 7) | d->rex_b << 3);
	bool pops = in(op, 0x58, 0x5f);

	if (in(op, 0x50, 0x5f)) {
		stack_moves(to, pops ? 8 : -8);
		if (reg == RBP)
			to->frame = pops ? FRAME_POPPED : FRAME_PUSHED;
		if (pops && reg == RSP)
			to->stack = STACK_LOST;
	} else if (op == 0x68 || op == 0x6a || op == 0x9c) {
		stack_moves(to, -8);
	} else if (op == 0x8f || op == 0x9d) {
		stack_moves(to, 8);
	} else if (op == 0xc9) {
		to->stack = STACK_LEAVE;
		to->frame = FRAME_POPPED;
	} else if (op == 0xc8 || (op == 0x94 && !d->rex_b)) {
		to->stack = STACK_LOST; /* enter; xchg %rsp,%rax */
	}
}

static void effect_take(const struct decoder *d, struct stack_insn *to)
{
	uint8_t op = d->opcode;

	flow_take(d, to);
	if (d->map != MAP_1)
		return;
	push_pop_take(d, to);
	if (op == 0x81 || op == 0x83)
		arithmetic_take(d, to);
	else if (op == 0x8d)
		lea_take(d, to);
	else if (op == 0x89 || op == 0x8b)
		move_take(d, to);
	else if (op == 0xff)
		group5_take(d, to);
	else if ((op == 0x31 || op == 0x33) && !d->memory && d->reg == RBP && d->rm == RBP)
		to->frame = FRAME_ZERO;
	else if (op < 0x40 && (op & 7) < 4 && op < 0x38 && !d->memory &&
		 ((op & 2) ? d->reg : d->rm) == RSP && (op & 1))
		to->stack = STACK_LOST; /* sub %rax,%rsp and the like */
}

bool stack_insn_decode(const uint8_t *code, size_t size, struct stack_insn *ret)
{
	struct decoder d = { .code = code, .size = size };

	if (!opcode_take(&d) || (has_modrm(&d) && !modrm_take(&d)) ||
	    !number_take(&d, immediate_bytes(&d), &d.immediate))
		return false;
	*ret = (struct stack_insn){ .len = (uint8_t)d.at };
	if (!d.vector)
		effect_take(&d, ret);
	return true;
}
