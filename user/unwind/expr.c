// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/expr.h"

#include <dwarf.h>
#include <stdbool.h>

#define STACK_MAX 32
#define STEPS_MAX 256 /* bounds loops by DW_OP_skip and DW_OP_bra */
#define REG_PC    16

struct machine {
	struct cursor code;
	const uint8_t *begin;
	const struct unwind_state *state;
	expr_read_fn *read;
	void *ctx;
	uint32_t len;
	uint64_t stack[STACK_MAX];
};

static int push(struct machine *m, uint64_t value)
{
	if (m->len == STACK_MAX)
		return UNWIND_END_EXPRESSION;
	m->stack[m->len++] = value;
	return 0;
}

/* Push a constant operand; `ok` tells whether it could be read. */
static int push_operand(struct machine *m, bool ok, uint64_t value)
{
	return ok ? push(m, value) : UNWIND_END_EXPRESSION;
}

static int push_register(struct machine *m, uint64_t reg, int64_t offset)
{
	const struct unwind_state *s = m->state;

	if (reg == UNWIND_REG_SP)
		return push(m, s->sp + (uint64_t)offset);
	if (reg == UNWIND_REG_BP)
		return push(m, s->bp + (uint64_t)offset);
	if (reg == REG_PC)
		return push(m, s->pc + !s->exact + (uint64_t)offset);
	if (reg > REG_PC || !s->exact)
		return UNWIND_END_NO_REGISTER;
	return push(m, s->regs[reg] + (uint64_t)offset);
}

static int deref(struct machine *m, uint8_t size)
{
	uint64_t value = 0;

	if (m->len < 1 || size == 0 || size > sizeof(value))
		return UNWIND_END_EXPRESSION;
	if (m->read(m->ctx, m->stack[m->len - 1], &value, size))
		return UNWIND_END_BAD_READ;
	m->stack[m->len - 1] = value;
	return 0;
}

/* DW_OP_const* and DW_OP_addr. */
static int run_constant(struct machine *m, uint8_t op)
{
	struct cursor *c = &m->code;
	uint8_t u8 = 0;
	uint16_t u16 = 0;
	uint32_t u32 = 0;
	uint64_t u64 = 0;
	bool ok;

	switch (op) {
	case DW_OP_const1u:
	case DW_OP_const1s:
		ok = cursor_u8(c, &u8);
		return push_operand(m, ok, op == DW_OP_const1u ? u8 : (uint64_t)(int8_t)u8);
	case DW_OP_const2u:
	case DW_OP_const2s:
		ok = cursor_u16(c, &u16);
		return push_operand(m, ok, op == DW_OP_const2u ? u16 : (uint64_t)(int16_t)u16);
	case DW_OP_const4u:
	case DW_OP_const4s:
		ok = cursor_u32(c, &u32);
		return push_operand(m, ok, op == DW_OP_const4u ? u32 : (uint64_t)(int32_t)u32);
	case DW_OP_constu:
		ok = cursor_uleb(c, &u64);
		return push_operand(m, ok, u64);
	case DW_OP_consts:
		ok = cursor_sleb(c, (int64_t *)&u64);
		return push_operand(m, ok, u64);
	default: /* DW_OP_const8u, DW_OP_const8s, DW_OP_addr */
		ok = cursor_u64(c, &u64);
		return push_operand(m, ok, u64);
	}
}

/* Stack shuffling. */
static int run_stack(struct machine *m, uint8_t op)
{
	uint64_t *top = m->stack + m->len, value;
	uint8_t depth = op == DW_OP_over;

	switch (op) {
	case DW_OP_pick:
		if (!cursor_u8(&m->code, &depth))
			return UNWIND_END_EXPRESSION;
		/* fall through */
	case DW_OP_dup:
	case DW_OP_over:
		return depth < m->len ? push(m, top[-1 - depth]) : UNWIND_END_EXPRESSION;
	case DW_OP_drop:
		if (m->len < 1)
			return UNWIND_END_EXPRESSION;
		m->len--;
		return 0;
	case DW_OP_swap:
		if (m->len < 2)
			return UNWIND_END_EXPRESSION;
		value = top[-1];
		top[-1] = top[-2];
		top[-2] = value;
		return 0;
	default: /* DW_OP_rot: the top goes below the next two */
		if (m->len < 3)
			return UNWIND_END_EXPRESSION;
		value = top[-1];
		top[-1] = top[-2];
		top[-2] = top[-3];
		top[-3] = value;
		return 0;
	}
}

/* Replaces the top of the stack. */
static int run_unary(struct machine *m, uint8_t op)
{
	uint64_t n, *top = m->stack + m->len - 1;

	if (m->len < 1)
		return UNWIND_END_EXPRESSION;
	switch (op) {
	case DW_OP_abs:
		*top = (int64_t)*top < 0 ? -*top : *top;
		return 0;
	case DW_OP_neg:
		*top = -*top;
		return 0;
	case DW_OP_not:
		*top = ~*top;
		return 0;
	default: /* DW_OP_plus_uconst */
		if (!cursor_uleb(&m->code, &n))
			return UNWIND_END_EXPRESSION;
		*top += n;
		return 0;
	}
}

/* Shifts by the width of the type or more are defined here, unlike in C. */
static uint64_t shift(uint8_t op, uint64_t value, uint64_t by)
{
	bool negative = (int64_t)value < 0;

	if (by > 63)
		return op == DW_OP_shra && negative ? UINT64_MAX : 0;
	if (op == DW_OP_shl)
		return value << by;
	if (op == DW_OP_shra && negative)
		return ~(~value >> by);
	return value >> by;
}

static int64_t quotient(int64_t a, int64_t b)
{
	return b == -1 ? (int64_t) - (uint64_t)a : a / b;
}

/* Replaces the two on top, the second of them being the left operand. */
static int run_binary(struct machine *m, uint8_t op)
{
	if (m->len < 2)
		return UNWIND_END_EXPRESSION;
	uint64_t b = m->stack[--m->len], *a = &m->stack[m->len - 1];
	int64_t sa = (int64_t)*a, sb = (int64_t)b;

	if ((op == DW_OP_div || op == DW_OP_mod) && b == 0)
		return UNWIND_END_EXPRESSION;
	switch (op) {
	case DW_OP_and:
		*a &= b;
		return 0;
	case DW_OP_or:
		*a |= b;
		return 0;
	case DW_OP_xor:
		*a ^= b;
		return 0;
	case DW_OP_plus:
		*a += b;
		return 0;
	case DW_OP_minus:
		*a -= b;
		return 0;
	case DW_OP_mul:
		*a *= b;
		return 0;
	case DW_OP_div:
		*a = (uint64_t)quotient(sa, sb);
		return 0;
	case DW_OP_mod:
		*a %= b;
		return 0;
	case DW_OP_eq:
		*a = sa == sb;
		return 0;
	case DW_OP_ne:
		*a = sa != sb;
		return 0;
	case DW_OP_lt:
		*a = sa < sb;
		return 0;
	case DW_OP_le:
		*a = sa <= sb;
		return 0;
	case DW_OP_gt:
		*a = sa > sb;
		return 0;
	case DW_OP_ge:
		*a = sa >= sb;
		return 0;
	default: /* DW_OP_shl, DW_OP_shr, DW_OP_shra */
		*a = shift(op, *a, b);
		return 0;
	}
}

/* DW_OP_skip and DW_OP_bra: an offset from behind it, anywhere in the expression. */
static int run_branch(struct machine *m, uint8_t op)
{
	uint16_t raw;
	bool taken = true;

	if (!cursor_u16(&m->code, &raw))
		return UNWIND_END_EXPRESSION;
	if (op == DW_OP_bra) {
		if (m->len < 1)
			return UNWIND_END_EXPRESSION;
		taken = m->stack[--m->len] != 0;
	}
	ptrdiff_t to = m->code.pos - m->begin + (int16_t)raw;
	if (!taken)
		return 0;
	if (to < 0 || to > m->code.end - m->begin)
		return UNWIND_END_EXPRESSION;
	m->code.pos = m->begin + to;
	return 0;
}

static int run_breg(struct machine *m, uint64_t reg)
{
	int64_t offset;

	return cursor_sleb(&m->code, &offset) ? push_register(m, reg, offset)
					      : UNWIND_END_EXPRESSION;
}

static int run(struct machine *m)
{
	uint8_t op, size;
	uint64_t reg;

	if (!cursor_u8(&m->code, &op))
		return UNWIND_END_EXPRESSION;
	switch (op) {
	case DW_OP_lit0 ... DW_OP_lit31:
		return push(m, op - DW_OP_lit0);
	case DW_OP_breg0 ... DW_OP_breg31:
		return run_breg(m, op - DW_OP_breg0);
	case DW_OP_bregx:
		return cursor_uleb(&m->code, &reg) ? run_breg(m, reg) : UNWIND_END_EXPRESSION;
	case DW_OP_addr:
	case DW_OP_const1u ... DW_OP_consts:
		return run_constant(m, op);
	case DW_OP_deref:
		return deref(m, sizeof(uint64_t));
	case DW_OP_deref_size:
		return cursor_u8(&m->code, &size) ? deref(m, size) : UNWIND_END_EXPRESSION;
	case DW_OP_dup ... DW_OP_swap:
	case DW_OP_rot:
		return run_stack(m, op);
	case DW_OP_abs:
	case DW_OP_neg:
	case DW_OP_not:
	case DW_OP_plus_uconst:
		return run_unary(m, op);
	case DW_OP_and:
	case DW_OP_div ... DW_OP_mul:
	case DW_OP_or:
	case DW_OP_plus:
	case DW_OP_shl ... DW_OP_xor:
	case DW_OP_eq ... DW_OP_ne:
		return run_binary(m, op);
	case DW_OP_skip:
	case DW_OP_bra:
		return run_branch(m, op);
	case DW_OP_nop:
		return 0;
	default:
		return UNWIND_END_EXPRESSION;
	}
}

int expr_eval(struct cursor expr, const struct unwind_state *s, expr_read_fn *read, void *ctx,
	      uint64_t *to)
{
	struct machine m;
	int rc = 0;

	m.code = expr;
	m.begin = expr.pos;
	m.state = s;
	m.read = read;
	m.ctx = ctx;
	m.len = 0;
	for (int steps = 0; rc == 0 && cursor_left(&m.code) > 0; steps++)
		rc = steps < STEPS_MAX ? run(&m) : UNWIND_END_EXPRESSION;
	if (rc == 0 && m.len == 0)
		rc = UNWIND_END_EXPRESSION;
	if (rc == 0)
		*to = m.stack[m.len - 1];
	return rc;
}
