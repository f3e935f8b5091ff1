/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * x86_64: registers by DWARF number (System V ABI, AMD64 supplement, figure 3.36) and the signal
 * frame (the kernel's struct rt_sigframe: at the handler's return rsp points at its ucontext).
 */
#pragma once

#include "abi/unwind.h"

/* uc_mcontext.gregs: r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip. */
#define UNWIND_SIGNAL_REGS_OFFSET 40
#define UNWIND_SIGNAL_REGS        17

/* `mov $15,%rax; syscall`, rt_sigreturn: how a trampoline without CFI is told. */
#define UNWIND_SIGRETURN_WORD 0x0f0000000fc0c748ULL

static __always_inline void unwind_state_from_signal(struct unwind_state *s, const __u64 *greg)
{
	s->regs[8] = greg[0];
	s->regs[9] = greg[1];
	s->regs[10] = greg[2];
	s->regs[11] = greg[3];
	s->regs[12] = greg[4];
	s->regs[13] = greg[5];
	s->regs[14] = greg[6];
	s->regs[15] = greg[7];
	s->regs[5] = greg[8];
	s->regs[4] = greg[9];
	s->regs[6] = greg[10];
	s->regs[3] = greg[11];
	s->regs[1] = greg[12];
	s->regs[0] = greg[13];
	s->regs[2] = greg[14];
	s->regs[7] = greg[15];
	s->pc = greg[16];
	s->sp = greg[15];
	s->bp = greg[10];
	s->exact = 1;
	s->at_entry = 0;
}

/* Where a leaf without CFI keeps its return address, told by the instructions at its PC. */
enum unwind_leaf {
	UNWIND_LEAF_FRAME,    /* behind the frame pointer */
	UNWIND_LEAF_AT_SP,    /* at sp: before `push %rbp`, at `endbr64`, at `ret` */
	UNWIND_LEAF_AFTER_BP, /* at sp + 8, the caller's rbp at sp: before `mov %rsp,%rbp` */
};

static __always_inline int unwind_leaf_kind(__u64 code)
{
	if ((code & 0xff) == 0x55 || (code & 0xff) == 0xc3 || (code & 0xffffffff) == 0xfa1e0ff3)
		return UNWIND_LEAF_AT_SP;
	if ((code & 0xffffff) == 0xe58948 || (code & 0xffffff) == 0xec8b48)
		return UNWIND_LEAF_AFTER_BP;
	return UNWIND_LEAF_FRAME;
}
