// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/rule.h"

#include <dwarf.h>

#include "lib/regs_x86_64.h"

/* The registers of the signal frame of x86_64 as glibc's CFI names them: rsp + offset in ucontext.
 */
#define SIGNAL_SP (UNWIND_SIGNAL_REGS_OFFSET + 15 * 8)
#define SIGNAL_PC (UNWIND_SIGNAL_REGS_OFFSET + 16 * 8)

/* The forms of expressions that rules hold: `breg off`, with or without `deref` and an addend. */
struct simple_expr {
	uint8_t reg;
	bool deref;
	int64_t offset; /* added to the register */
	int64_t add;    /* added to what is read */
};

/* `plus_uconst n` or `lit n; plus`, or nothing. */
static bool addend_read(struct cursor *c, int64_t *to)
{
	uint64_t n = 0;
	uint8_t op, plus;

	*to = 0;
	if (cursor_left(c) == 0)
		return true;
	cursor_u8(c, &op);
	if (op == DW_OP_plus_uconst) {
		if (!cursor_uleb(c, &n) || n > INT32_MAX)
			return false;
	} else if (op >= DW_OP_lit0 && op <= DW_OP_lit31) {
		n = op - DW_OP_lit0;
		if (!cursor_u8(c, &plus) || plus != DW_OP_plus)
			return false;
	} else {
		return false;
	}
	*to = (int64_t)n;
	return cursor_left(c) == 0;
}

static bool simple_expr_read(const struct cfi_rule *r, struct simple_expr *to)
{
	struct cursor c = cursor_init(r->expr, r->expr_len);
	uint8_t op;

	if (!cursor_u8(&c, &op) || op < DW_OP_breg0 || op > DW_OP_breg15 ||
	    !cursor_sleb(&c, &to->offset) || to->offset < INT32_MIN || to->offset > INT32_MAX)
		return false;
	to->reg = op - DW_OP_breg0;
	to->deref = cursor_left(&c) > 0 && *c.pos == DW_OP_deref;
	if (to->deref)
		cursor_skip(&c, 1);
	if (!addend_read(&c, &to->add))
		return false;
	if (!to->deref) {
		to->offset += to->add;
		to->add = 0;
	}
	return true;
}

/*
 * The linkers' rule for a lazy PLT, rsp + 8 + ((rip & 15) >= K) * 8: `breg7 8; breg16 0; lit15;
 * and; litK; ge; lit3; shl; plus`. K is where the entry has pushed its argument: 11, or with IBT 5
 * to 10.
 */
static bool plt_expr_read(const struct cfi_rule *r, uint8_t *threshold)
{
	static const uint8_t head[] = { DW_OP_breg7, 8, DW_OP_breg16, 0, DW_OP_lit15, DW_OP_and };
	static const uint8_t tail[] = { DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus };

	if (r->expr_len != sizeof(head) + 1 + sizeof(tail) ||
	    memcmp(r->expr, head, sizeof(head)) != 0 ||
	    memcmp(r->expr + sizeof(head) + 1, tail, sizeof(tail)) != 0 ||
	    r->expr[sizeof(head)] < DW_OP_lit0 || r->expr[sizeof(head)] > DW_OP_lit15)
		return false;
	*threshold = r->expr[sizeof(head)] - DW_OP_lit0;
	return true;
}

static bool fits32(int64_t n)
{
	return n >= INT32_MIN && n <= INT32_MAX;
}

static bool fits16(int64_t n)
{
	return n >= INT16_MIN && n <= INT16_MAX;
}

static bool cfa_register(struct unwind_rule *rule, uint8_t reg, int64_t offset)
{
	if (!fits32(offset) || reg >= UNWIND_REGS)
		return false;
	rule->cfa_off = (int32_t)offset;
	if (reg == UNWIND_REG_SP) {
		rule->cfa = UNWIND_CFA_SP;
	} else if (reg == UNWIND_REG_BP) {
		rule->cfa = UNWIND_CFA_BP;
	} else {
		rule->cfa = UNWIND_CFA_REG;
		rule->reg = reg;
	}
	return true;
}

static bool cfa_classify(const struct cfi_rule *cfa, struct unwind_rule *rule)
{
	struct simple_expr expr;

	if (cfa->how == CFI_REGISTER)
		return cfa_register(rule, cfa->reg, cfa->offset);
	if (plt_expr_read(cfa, &rule->reg)) {
		rule->cfa = UNWIND_CFA_PLT;
		return true;
	}
	if (!simple_expr_read(cfa, &expr))
		return false;
	if (!expr.deref)
		return cfa_register(rule, expr.reg, expr.offset);
	if ((expr.reg != UNWIND_REG_SP && expr.reg != UNWIND_REG_BP) || !fits16(expr.add))
		return false;
	rule->cfa = expr.reg == UNWIND_REG_SP ? UNWIND_CFA_SP_MEM : UNWIND_CFA_BP_MEM;
	rule->cfa_off = (int32_t)expr.offset;
	rule->cfa_add = (int16_t)expr.add;
	return true;
}

static void bp_classify(const struct cfi_rule *bp, struct unwind_rule *rule)
{
	struct simple_expr expr;

	rule->bp = UNWIND_BP_UNDEF;
	switch (bp->how) {
	case CFI_UNSET: /* callee-saved */
	case CFI_SAME:
		rule->bp = UNWIND_BP_SAME;
		break;
	case CFI_OFFSET:
		if (fits32(bp->offset)) {
			rule->bp = UNWIND_BP_CFA;
			rule->bp_off = (int32_t)bp->offset;
		}
		break;
	case CFI_EXPR:
		if (!simple_expr_read(bp, &expr) || expr.deref || !fits32(expr.offset) ||
		    (expr.reg != UNWIND_REG_SP && expr.reg != UNWIND_REG_BP))
			break;
		rule->bp = expr.reg == UNWIND_REG_BP ? UNWIND_BP_BP : UNWIND_BP_SP;
		rule->bp_off = (int32_t)expr.offset;
		break;
	default:
		break;
	}
}

/* The caller's stack pointer is the CFA, unless a row says otherwise (longjmp, setcontext). */
static bool sp_is_cfa(const struct cfi_rule *sp)
{
	return sp->how == CFI_UNSET || (sp->how == CFI_VAL_OFFSET && sp->offset == 0);
}

static bool ra_classify(const struct cfi_rule *ra, struct unwind_rule *rule)
{
	switch (ra->how) {
	case CFI_UNDEFINED:
		rule->ra = UNWIND_RA_UNDEF;
		return true;
	case CFI_OFFSET:
		rule->ra = UNWIND_RA_CFA;
		rule->ra_off = (int16_t)ra->offset;
		return fits16(ra->offset);
	case CFI_REGISTER:
		/* One field holds both numbers. */
		if (ra->reg >= UNWIND_REGS || rule->cfa == UNWIND_CFA_PLT ||
		    (rule->cfa == UNWIND_CFA_REG && rule->reg != ra->reg))
			return false;
		rule->ra = UNWIND_RA_REG;
		rule->reg = ra->reg;
		return true;
	default:
		return false;
	}
}

static bool is_signal(const struct cfi_row *row)
{
	const struct cfi_rule *cfa = &row->columns[CFI_CFA], *ra = &row->columns[CFI_RA];
	struct simple_expr sp, pc;

	return cfa->how == CFI_VAL_EXPR && simple_expr_read(cfa, &sp) && sp.deref &&
	       sp.reg == UNWIND_REG_SP && sp.offset == SIGNAL_SP && sp.add == 0 &&
	       ra->how == CFI_EXPR && simple_expr_read(ra, &pc) && !pc.deref &&
	       pc.reg == UNWIND_REG_SP && pc.offset == SIGNAL_PC;
}

enum rule_kind rule_classify(const struct cfi_row *row, bool signal, struct unwind_rule *rule)
{
	const struct cfi_rule *cfa = &row->columns[CFI_CFA], *ra = &row->columns[CFI_RA];
	enum rule_kind kind = RULE_PLAIN;

	if (signal && is_signal(row))
		return RULE_SIGNAL;
	if (ra->how == CFI_UNSET || (cfa->how == CFI_UNSET && ra->how != CFI_UNDEFINED))
		return RULE_NONE;
	*rule = (struct unwind_rule){ 0 };
	bp_classify(&row->columns[CFI_BP], rule);
	if (cfa->how != CFI_UNSET && !cfa_classify(cfa, rule)) {
		rule->cfa = UNWIND_CFA_EXPR;
		rule->reg = 0;
		rule->cfa_off = 0;
		kind = cfa->how == CFI_VAL_EXPR ? RULE_EXPR : RULE_OTHER;
	}
	if (!ra_classify(ra, rule) || !sp_is_cfa(&row->columns[CFI_SP])) {
		*rule = (struct unwind_rule){ .cfa = UNWIND_CFA_EXPR };
		kind = RULE_OTHER;
	}
	return kind;
}
