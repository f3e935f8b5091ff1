/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The one unwinding step, for BPF and for user space.
 *
 * The includer provides, for an environment of its own (`env`):
 *
 *   int unwind_read(env, __u64 addr, void *to, __u32 size)
 *       bytes of the process: 0, or nonzero if they cannot be read
 *   int unwind_mapping_find(env, __u64 pc, struct unwind_mapping *to)
 *       the executable mapping of a PC: 0, or nonzero if there is none
 *   int unwind_rule_find(env, __u32 dir, __u64 vaddr, struct unwind_rule *to)
 *       the rule in force, rule number included: its index, UNWIND_RULE_NONE where there is no CFI
 *   int unwind_expr_cfa(env, const struct unwind_state *, const struct unwind_rule *, __u64 *cfa)
 *       evaluates UNWIND_CFA_EXPR: 0, or the enum unwind_end that says why not
 */
#pragma once

#include "abi/unwind.h"
#include "lib/regs_x86_64.h"

#ifndef UNWIND_ENV
#error "define UNWIND_ENV, the type of the environment, before including unwind_step.h"
#endif

#define UNWIND_CONTINUE (-1) /* the step found a caller; otherwise steps return enum unwind_end */

static __always_inline __u64 unwind_frame(const struct unwind_mapping *m, __u64 pc)
{
	if (m->file == UNWIND_FILE_UNKNOWN)
		return UNWIND_FRAME_PLAIN | (pc & UNWIND_FRAME_PLAIN_MASK);
	return (__u64)m->file << UNWIND_FRAME_OFFSET_BITS |
	       ((pc - m->bias) & UNWIND_FRAME_OFFSET_MASK);
}

/* Leave for a caller whose return address, stack and frame pointer are known. */
static __always_inline int unwind_to_caller(struct unwind_state *s, __u64 ra, __u64 sp, __u64 bp)
{
	if (ra == 0)
		return UNWIND_END_ZERO_RA;
	s->pc = ra - 1;
	s->sp = sp;
	s->bp = bp;
	s->exact = 0;
	return UNWIND_CONTINUE;
}

/*
 * All registers of the interrupted frame come back; it may be on another stack. Nothing calls the
 * trampoline, it is returned to: its own address is exact.
 */
static __always_inline int unwind_step_signal(UNWIND_ENV env, struct unwind_state *s,
					      const struct unwind_mapping *m, __u64 *frame)
{
	__u64 greg[UNWIND_SIGNAL_REGS];

	*frame = unwind_frame(m, s->exact ? s->pc : s->pc + 1);
	if (unwind_read(env, s->sp + UNWIND_SIGNAL_REGS_OFFSET, greg, sizeof(greg)))
		return UNWIND_END_BAD_READ;
	unwind_state_from_signal(s, greg);
	return UNWIND_CONTINUE;
}

/*
 * Code without CFI: believe the frame pointer if the stack grows by it, it can be read, and what
 * should be a return address points into executable code.
 */
static __always_inline int unwind_step_frame_pointer(UNWIND_ENV env, struct unwind_state *s,
						     struct unwind_mapping *m, __u64 *frame)
{
	__u64 code = 0, pair[2];
	__u64 at = s->bp;
	int leaf = UNWIND_LEAF_FRAME;

	/* What returns into a trampoline did not come from the instruction before. */
	if (!unwind_read(env, s->exact ? s->pc : s->pc + 1, &code, sizeof(code))) {
		if (code == UNWIND_SIGRETURN_WORD)
			return unwind_step_signal(env, s, m, frame);
		if (s->exact)
			leaf = s->at_entry ? UNWIND_LEAF_AT_SP : unwind_leaf_kind(code);
	}
	if (leaf == UNWIND_LEAF_AT_SP)
		at = s->sp - 8;
	else if (leaf == UNWIND_LEAF_AFTER_BP)
		at = s->sp;
	else if (at < s->sp || (at & 7))
		return UNWIND_END_NO_CFI;
	if (unwind_read(env, at, pair, sizeof(pair)))
		return leaf == UNWIND_LEAF_FRAME ? UNWIND_END_NO_CFI : UNWIND_END_BAD_READ;
	if (unwind_mapping_find(env, pair[1] - 1, m))
		return UNWIND_END_NO_CFI;
	return unwind_to_caller(s, pair[1], at + 16, leaf == UNWIND_LEAF_AT_SP ? s->bp : pair[0]);
}

static __always_inline int unwind_cfa(UNWIND_ENV env, const struct unwind_state *s,
				      const struct unwind_rule *r, __u64 *cfa)
{
	__u64 base = s->sp;

	switch (r->cfa) {
	case UNWIND_CFA_SP:
		*cfa = base + (__s64)r->cfa_off;
		return 0;
	case UNWIND_CFA_BP:
	case UNWIND_CFA_BP_SWITCH:
		*cfa = s->bp + (__s64)r->cfa_off;
		return 0;
	case UNWIND_CFA_REG:
		if (!s->exact)
			return UNWIND_END_NO_REGISTER;
		*cfa = s->regs[r->reg & (UNWIND_REGS - 1)] + (__s64)r->cfa_off;
		return 0;
	case UNWIND_CFA_BP_MEM:
		base = s->bp;
		/* fall through */
	case UNWIND_CFA_SP_MEM:
		if (unwind_read(env, base + (__s64)r->cfa_off, cfa, sizeof(*cfa)))
			return UNWIND_END_BAD_READ;
		*cfa += (__s64)r->cfa_add;
		return 0;
	case UNWIND_CFA_PLT:
		*cfa = base + 8 + ((s->pc & 15) >= r->reg ? 8 : 0);
		return 0;
	default:
		return unwind_expr_cfa(env, s, r, cfa);
	}
}

/* The caller's frame pointer, where it is not beside the return address. */
static __always_inline int unwind_bp(UNWIND_ENV env, const struct unwind_state *s,
				     const struct unwind_rule *r, __u64 cfa, __u64 *bp)
{
	__u64 base;

	switch (r->bp) {
	case UNWIND_BP_SAME:
		*bp = s->bp;
		return 0;
	case UNWIND_BP_CFA:
		base = cfa;
		break;
	case UNWIND_BP_BP:
		base = s->bp;
		break;
	case UNWIND_BP_SP:
		base = s->sp;
		break;
	default:
		*bp = 0;
		return 0;
	}
	return unwind_read(env, base + (__s64)r->bp_off, bp, sizeof(*bp)) ? UNWIND_END_BAD_READ : 0;
}

static __always_inline int unwind_step_cfi(UNWIND_ENV env, struct unwind_state *s,
					   const struct unwind_rule *r)
{
	__u64 cfa, ra, bp, pair[2];
	int rc = unwind_cfa(env, s, r, &cfa);

	if (rc)
		return rc;
	/*
	 * A saved CFA (the MEM kinds) or a switch may lead to another stack; others can only grow,
	 * if not in a leaf that has popped its return address into a register (vfork).
	 */
	if (r->cfa <= UNWIND_CFA_REG && (r->ra == UNWIND_RA_REG ? cfa < s->sp : cfa <= s->sp))
		return UNWIND_END_STUCK;
	if (r->ra == UNWIND_RA_CFA && r->ra_off == -8 && r->bp == UNWIND_BP_CFA &&
	    r->bp_off == -16) {
		/* The usual frame: both in one read. */
		if (unwind_read(env, cfa - 16, pair, sizeof(pair)))
			return UNWIND_END_BAD_READ;
		return unwind_to_caller(s, pair[1], cfa, pair[0]);
	}
	if (r->ra == UNWIND_RA_REG) {
		if (!s->exact)
			return UNWIND_END_NO_REGISTER;
		ra = s->regs[r->reg & (UNWIND_REGS - 1)];
	} else if (unwind_read(env, cfa + (__s64)r->ra_off, &ra, sizeof(ra))) {
		return UNWIND_END_BAD_READ;
	}
	rc = unwind_bp(env, s, r, cfa, &bp);
	if (rc)
		return rc;
	return unwind_to_caller(s, ra, cfa, bp);
}

/*
 * One step: find the mapping and rule of s->pc, hand its frame to *frame, move *s to the caller. *m
 * is the last mapping found (zeroed before the first step). Returns UNWIND_CONTINUE or how the walk
 * ended. *frame is 0 if nothing is to be recorded: then *s is untouched, and another walker may
 * take over from it.
 */
static __always_inline int unwind_step(UNWIND_ENV env, struct unwind_state *s,
				       struct unwind_mapping *m, __u64 *frame)
{
	struct unwind_rule rule = { 0 };
	int index;

	*frame = 0;
	if ((s->pc < m->start || s->pc >= m->end) && unwind_mapping_find(env, s->pc, m))
		return UNWIND_END_NO_MAPPING;
	index = unwind_rule_find(env, m->dir, s->pc - m->bias, &rule);
#ifdef __bpf__
	if (rule.cfa == UNWIND_CFA_EXPR)
		return UNWIND_END_EXPRESSION;
#endif
	/* A root is entered by a return too (__start_context): to its first byte, not from before.
	 */
	*frame = unwind_frame(m, index == UNWIND_RULE_ROOT && !s->exact ? s->pc + 1 : s->pc);
	if (index == UNWIND_RULE_ROOT || (index != UNWIND_RULE_NONE && rule.ra == UNWIND_RA_UNDEF))
		return UNWIND_END_COMPLETE;
	/* clone returns 0 in the child, where nothing has called it. */
	if (index == UNWIND_RULE_CLONE && s->exact && s->regs[0] == 0)
		return UNWIND_END_COMPLETE;
	if (index == UNWIND_RULE_SIGNAL)
		return unwind_step_signal(env, s, m, frame);
	if (index == UNWIND_RULE_NONE)
		return unwind_step_frame_pointer(env, s, m, frame);
	return unwind_step_cfi(env, s, &rule);
}
