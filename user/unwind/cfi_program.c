// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/cfi_program.h"

#include <dwarf.h>

#include "abi/unwind.h"

#define OPERAND_MASK 0x3f /* of the three primary opcodes */

/* Operands are nearly always below 128. */
static inline bool uleb(struct cursor *c, uint64_t *to)
{
	if (c->pos < c->end && *c->pos < 0x80) {
		*to = *c->pos++;
		return true;
	}
	return cursor_uleb(c, to);
}

static inline struct cfi_rule *column(struct cfi_row *row, uint64_t reg)
{
	/* A table, not a switch: which register is saved next is not to be predicted. */
	static const uint8_t columns[] = {
		[UNWIND_REG_BX] = CFI_BX,
		[UNWIND_REG_BP] = CFI_BP,
		[UNWIND_REG_SP] = CFI_SP,
		[CFI_REG_RA] = CFI_RA,
	};

	return &row->columns[reg <= CFI_REG_RA ? columns[reg] : CFI_SCRAP];
}

/* Registers beyond 255 (none exists) must not look like lower ones. */
static uint8_t reg_number(uint64_t reg)
{
	return reg < UINT8_MAX ? (uint8_t)reg : UINT8_MAX;
}

static inline bool set_offset(struct cfi_program *p, uint64_t reg, enum cfi_how how,
			      int64_t factored)
{
	struct cfi_rule rule = { .how = how };

	if (__builtin_mul_overflow(factored, p->cie->data_align, &rule.offset))
		return false;
	*column(&p->row, reg) = rule;
	return true;
}

static void restore(struct cfi_program *p, uint64_t reg)
{
	*column(&p->row, reg) = *column(&p->initial, reg);
}

/* The row holds up to `to`, which the next one begins at. */
static inline bool advance_to(struct cfi_program *p, uint64_t to)
{
	if (to < p->end)
		return false;
	p->end = to < p->fde_end ? to : p->fde_end;
	return true;
}

static inline bool advance(struct cfi_program *p, uint64_t delta)
{
	uint64_t bytes, to;

	if (__builtin_mul_overflow(delta, p->cie->code_align, &bytes) ||
	    __builtin_add_overflow(p->end, bytes, &to))
		to = p->fde_end;
	return advance_to(p, to);
}

/* DW_CFA_def_cfa and its kin. */
static bool run_cfa(struct cfi_program *p, uint8_t op)
{
	struct cfi_rule *cfa = &p->row.columns[CFI_CFA];
	struct cursor expr;
	uint64_t reg, n;
	int64_t factored;

	switch (op) {
	case DW_CFA_def_cfa:
		if (!uleb(&p->code, &reg) || !uleb(&p->code, &n))
			return false;
		*cfa = (struct cfi_rule){ .how = CFI_REGISTER,
					  .reg = reg_number(reg),
					  .offset = (int64_t)n };
		return true;
	case DW_CFA_def_cfa_sf:
		if (!uleb(&p->code, &reg) || !cursor_sleb(&p->code, &factored))
			return false;
		*cfa = (struct cfi_rule){ .how = CFI_REGISTER, .reg = reg_number(reg) };
		return !__builtin_mul_overflow(factored, p->cie->data_align, &cfa->offset);
	case DW_CFA_def_cfa_register:
		if (!uleb(&p->code, &reg))
			return false;
		cfa->reg = reg_number(reg);
		return cfa->how == CFI_REGISTER;
	case DW_CFA_def_cfa_offset_sf:
		return cursor_sleb(&p->code, &factored) && cfa->how == CFI_REGISTER &&
		       !__builtin_mul_overflow(factored, p->cie->data_align, &cfa->offset);
	default: /* DW_CFA_def_cfa_expression */
		if (!uleb(&p->code, &n) || !cursor_sub(&p->code, n, &expr))
			return false;
		*cfa = (struct cfi_rule){ .how = CFI_VAL_EXPR,
					  .expr_len = (uint32_t)n,
					  .expr = expr.pos };
		return true;
	}
}

/* The other instructions are about one register, whose number comes first. */
static bool run_register(struct cfi_program *p, uint8_t op)
{
	struct cursor expr;
	uint64_t reg, n;
	int64_t s;

	if (!uleb(&p->code, &reg))
		return false;
	switch (op) {
	case DW_CFA_restore_extended:
		restore(p, reg);
		return true;
	case DW_CFA_undefined:
		*column(&p->row, reg) = (struct cfi_rule){ .how = CFI_UNDEFINED };
		return true;
	case DW_CFA_same_value:
		*column(&p->row, reg) = (struct cfi_rule){ .how = CFI_SAME };
		return true;
	case DW_CFA_register:
		if (!uleb(&p->code, &n))
			return false;
		*column(&p->row, reg) =
			(struct cfi_rule){ .how = CFI_REGISTER, .reg = reg_number(n) };
		return true;
	case DW_CFA_offset_extended:
	case DW_CFA_val_offset:
	case DW_CFA_GNU_negative_offset_extended:
		if (!uleb(&p->code, &n) || n > INT64_MAX)
			return false;
		s = op == DW_CFA_GNU_negative_offset_extended ? -(int64_t)n : (int64_t)n;
		return set_offset(p, reg, op == DW_CFA_val_offset ? CFI_VAL_OFFSET : CFI_OFFSET, s);
	case DW_CFA_offset_extended_sf:
	case DW_CFA_val_offset_sf:
		return cursor_sleb(&p->code, &s) &&
		       set_offset(p, reg, op == DW_CFA_val_offset_sf ? CFI_VAL_OFFSET : CFI_OFFSET,
				  s);
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		if (!uleb(&p->code, &n) || !cursor_sub(&p->code, n, &expr))
			return false;
		*column(&p->row, reg) =
			(struct cfi_rule){ .how = op == DW_CFA_expression ? CFI_EXPR : CFI_VAL_EXPR,
					   .expr_len = (uint32_t)n,
					   .expr = expr.pos };
		return true;
	default: /* an instruction that is not known: its operands are not, either */
		return false;
	}
}

/* Instructions that move on to a new address. */
static bool run_advance(struct cfi_program *p, uint8_t op)
{
	uint16_t delta16;
	uint32_t delta32;
	uint64_t to;

	switch (op) {
	case DW_CFA_advance_loc2:
		return cursor_u16(&p->code, &delta16) && advance(p, delta16);
	case DW_CFA_advance_loc4:
		return cursor_u32(&p->code, &delta32) && advance(p, delta32);
	default: /* DW_CFA_set_loc */
		return cfi_pointer(&p->code, p->cie->fde_encoding, p->section, &to) &&
		       advance_to(p, to);
	}
}

/*
 * One flat switch, the instructions that compilers emit most in line. Itself in line in its loops:
 * most of the time goes into branches that cannot be predicted, and this makes them fewer (a fifth
 * off a compilation).
 */
static __always_inline bool run(struct cfi_program *p)
{
	uint8_t op, delta8;
	uint64_t n;

	if (!cursor_u8(&p->code, &op))
		return false;
	switch (op) {
	case DW_CFA_advance_loc ... DW_CFA_advance_loc | OPERAND_MASK:
		return advance(p, op & OPERAND_MASK);
	case DW_CFA_offset ... DW_CFA_offset | OPERAND_MASK:
		return uleb(&p->code, &n) && n <= INT64_MAX &&
		       set_offset(p, op & OPERAND_MASK, CFI_OFFSET, (int64_t)n);
	case DW_CFA_restore ... DW_CFA_restore | OPERAND_MASK:
		restore(p, op & OPERAND_MASK);
		return true;
	case DW_CFA_nop:
		return true;
	case DW_CFA_advance_loc1:
		return cursor_u8(&p->code, &delta8) && advance(p, delta8);
	case DW_CFA_def_cfa_offset:
		if (!uleb(&p->code, &n))
			return false;
		p->row.columns[CFI_CFA].offset = (int64_t)n;
		return p->row.columns[CFI_CFA].how == CFI_REGISTER;
	case DW_CFA_remember_state:
		if (p->remembered_len == CFI_REMEMBERED_MAX)
			return false;
		p->remembered[p->remembered_len++] = p->row;
		return true;
	case DW_CFA_restore_state:
		if (p->remembered_len == 0)
			return false;
		p->row = p->remembered[--p->remembered_len];
		return true;
	case DW_CFA_GNU_args_size: /* of interest when an exception is caught only */
		return uleb(&p->code, &n);
	case DW_CFA_set_loc:
	case DW_CFA_advance_loc2:
	case DW_CFA_advance_loc4:
		return run_advance(p, op);
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_def_cfa_register:
	case DW_CFA_def_cfa_offset_sf:
	case DW_CFA_def_cfa_expression:
		return run_cfa(p, op);
	default:
		return run_register(p, op);
	}
}

bool cfi_program_cie(const struct elf_range *section, const struct cfi_cie *cie,
		     struct cfi_row *initial)
{
	struct cfi_program p;

	p.section = section;
	p.cie = cie;
	p.code = cie->program;
	p.start = p.end = p.fde_end = 0; /* has no addresses to advance over */
	p.remembered_len = 0;
	memset(&p.row, 0, sizeof(p.row));
	memset(&p.initial, 0, sizeof(p.initial));
	while (cursor_left(&p.code) > 0)
		if (!run(&p))
			return false;
	*initial = p.row;
	return true;
}

void cfi_program_init(struct cfi_program *p, const struct cfi_table *t, const struct cfi_fde *fde,
		      const struct cfi_row *initial)
{
	p->section = &t->section;
	p->cie = &t->cies.items[fde->cie];
	p->code = cursor_init(t->section.data + fde->program, fde->program_len);
	p->start = p->end = fde->start;
	p->fde_end = fde->end;
	p->failed = false;
	p->remembered_len = 0;
	p->row = p->initial = *initial;
}

bool cfi_program_next(struct cfi_program *p)
{
	p->start = p->end;
	if (p->failed || p->start == p->fde_end)
		return false;
	while (p->end == p->start) {
		if (cursor_left(&p->code) == 0)
			p->end = p->fde_end;
		else if (!run(p)) {
			p->failed = true;
			return false;
		}
	}
	return true;
}
