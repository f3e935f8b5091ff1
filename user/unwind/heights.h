/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The height of the stack at each instruction of code that has no CFI, found by following it: musl
 * comes without CFI and without frame pointers, and every stack of its programs goes through it.
 *
 * Followed are functions that have symbols, those that they call, and those whose addresses they
 * take; in a stripped program, what its entry point and code with CFI lead to, and what its data
 * may point to (unwind/leads.h). What is not reached stays unknown, and so does all that was
 * reached together with a contradiction: a return at another height than the entry's, or two ways
 * to an instruction at different heights. What was guessed, the cases of switches too
 * (unwind/switches.h), must also be confirmed, by a return or by joining what is known, and leave
 * rbp as it was.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/unwind.h"
#include "base/vec.h"
#include "elf/elf_file.h"
#include "unwind/cfi.h"

/** What is known before the instruction at an address. All zero: it was not reached. */
struct height {
	int32_t bytes;    /* between the stack pointer and the return address */
	uint16_t bp_at;   /* height of the word that holds the caller's rbp; 0: rbp does */
	uint16_t frame;   /* height that rbp points to, plus 1; 0: to none */
	uint8_t known;    /* enum height_known */
	bool entry : 1;   /* a function begins here, */
	bool ends : 1;    /* which never returns */
	bool doubted : 1; /* or code that nothing is known to lead to */
	bool fresh : 1;   /* reached from the beginning under way */
};

enum height_known {
	HEIGHT_UNREACHED,
	HEIGHT_INSIDE,    /* of an instruction */
	HEIGHT_BYTES,     /* all */
	HEIGHT_FRAME,     /* rbp alone leads to the caller */
	HEIGHT_OUTERMOST, /* a function that has made its rbp 0, which ends a stack (psABI, "Initial
			     Stack and Register State") */
};

struct heights {
	uint64_t start; /* address of items[0] */
	vec_of(struct height) items;
};

/**
 * Find the heights, if the file's C library has no CFI: if it defines __libc_start_main, and no FDE
 * of the table covers that; or if leads_needed() of a program. What the table covers, which is all
 * that is known by then, is not followed. Then FDEs of CFI_CIE_HEIGHTS are
 * appended for what was reached, and the table is sorted again. Zeroed storage is empty;
 * heights_deinit() in any case. 0 or -ENOMEM.
 */
int heights_add(struct heights *h, struct elf_file *f, struct cfi_table *t);
void heights_deinit(struct heights *h);

/** The rule of an address; false if it has none, or begins no instruction. */
bool heights_rule(const struct heights *h, uint64_t vaddr, struct unwind_rule *to);
