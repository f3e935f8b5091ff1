/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The machine code of an ELF file, instruction by instruction, reduced to what an analysis of the
 * first steps of a function asks. x86_64. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "elf/elf_file.h"

/** General registers by their number in instructions, which is not DWARF's. */
enum reg {
	REG_RAX,
	REG_RCX,
	REG_RDX,
	REG_RBX,
	REG_RSP,
	REG_RBP,
	REG_RSI,
	REG_RDI,
	REG_R8,
	REG_COUNT = 16,
	REG_NONE = 0xff,
};

/** Where a function finds its arguments (ibid.): rdi, rsi, rdx, rcx, r8, r9. */
#define REGS_ARGUMENTS 0x03c6u

/** What a call leaves in no known state (psABI, "Register Usage"): rax, rcx, rdx, rsi, rdi, r8-r11.
 */
#define REGS_CLOBBERED 0x0fc7u

/** How the program goes on. */
enum insn_flow {
	FLOW_NEXT,    /* with the next instruction */
	FLOW_JUMP,    /* elsewhere */
	FLOW_JUMP_IF, /* elsewhere or with the next */
	FLOW_CALL,    /* elsewhere, and then with the next */
	FLOW_RETURN,
	FLOW_TRAP, /* it does not, or these bytes are no instruction */
};

/** What is known of its effect, beside the registers that it writes. */
enum insn_effect {
	EFFECT_OTHER,
	EFFECT_NONE,    /* nop, endbr64 */
	EFFECT_SET,     /* %reg = value: mov $value,%reg, xor %reg,%reg */
	EFFECT_COPY,    /* mov %from,%reg, 64 bits */
	EFFECT_SAVE,    /* mov %from,value(%rsp), 64 bits */
	EFFECT_RESTORE, /* mov value(%rsp),%reg, 64 bits */
	EFFECT_PUSH,    /* push %from */
	EFFECT_POP,     /* pop %reg */
	EFFECT_ADJUST,  /* rsp += value */
	EFFECT_TEST,    /* test %from,%from, 64 bits */
	EFFECT_COMPARE, /* cmp $value,%from, 64 bits */
};

struct insn {
	uint64_t target; /* of a jump or call, if direct; else of the pointer to it, if via_slot */
	int64_t value;
	uint16_t writes; /* general registers written, even in part: 1 << enum reg */
	uint8_t len;     /* 1 .. 15 */
	uint8_t flow, effect, reg, from;
	uint8_t condition; /* of FLOW_JUMP_IF: the number in its opcode, or INSN_COUNTED */
	bool direct;
	bool via_slot;    /* through a pointer at a fixed address: a PLT's */
	bool familiar;    /* `writes` is certain */
	bool keeps_flags; /* and conditions stay what they are */
	bool stores;      /* writes memory other than the stack frame's */
	bool fails;       /* stores ENOMEM or EINVAL, as 32 bits */
	bool emulated;    /* see probe/insn.h */
};

#define INSN_COUNTED 16 /* loop, jrcxz */
#define INSN_ENDBR64 "\xf3\x0f\x1e\xfa"

struct code;

/** `f` is borrowed and must outlive *ret, which is freed with code_destroy(). -ENOMEM. */
int code_create(struct elf_file *f, struct code **ret, struct err *e);
void code_destroy(struct code *c);

/**
 * The instruction at an address. False outside of executable segments, without memory, and after so
 * many instructions that no honest function asks for them: then nothing more can be told.
 */
bool code_insn(struct code *c, uint64_t vaddr, struct insn *ret);

/** Bytes of an executable segment from an address on, at most `max`; how many. */
size_t code_bytes(struct code *c, uint64_t vaddr, uint8_t *to, size_t max);
