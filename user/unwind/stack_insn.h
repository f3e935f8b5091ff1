/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * x86_64 instructions, reduced to their length, where they lead, and what they do to the stack and
 * frame pointer. Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, appendix
 * A.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How the program goes on. */
enum stack_next {
	NEXT_FOLLOWS, /* with the next instruction */
	NEXT_CALL,    /* elsewhere, and then with the next */
	NEXT_BRANCH,  /* elsewhere, or with the next */
	NEXT_JUMP,    /* elsewhere */
	NEXT_SWITCH,  /* nobody knows where: a jump through a register or a table */
	NEXT_RETURN,
	NEXT_NOWHERE, /* it traps */
};

/** What becomes of the stack pointer. */
enum stack_change {
	STACK_SAME,
	STACK_MOVES,   /* by `value` bytes; the stack grows downwards */
	STACK_FROM_BP, /* it is rbp + `value` now */
	STACK_LEAVE,   /* `leave` */
	STACK_LOST,    /* it is anything */
};

/** What becomes of the frame pointer. */
enum frame_change {
	FRAME_SAME,
	FRAME_PUSHED,
	FRAME_POPPED,
	FRAME_SET,  /* mov %rsp,%rbp */
	FRAME_ZERO, /* xor %ebp,%ebp */
};

struct stack_insn {
	uint8_t len; /* 1 .. 15 */
	enum stack_next next;
	enum stack_change stack;
	enum frame_change frame;
	int32_t value;
	bool direct;    /* `target` of a jump or call is known, relative to the instruction's end */
	bool addresses; /* `lea target(%rip)` */
	int32_t target;
};

/** Decode the instruction at `code`; false if it is not all there, or is none that compilers
 * write. */
bool stack_insn_decode(const uint8_t *code, size_t size, struct stack_insn *ret);
