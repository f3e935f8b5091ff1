/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Runs the call frame instructions of an FDE (DWARF 5, section 6.4.2, and GNU's extensions): which
 * rules are in force over which addresses. Only the registers that a walk follows are kept.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "unwind/cfi.h"

#define CFI_REMEMBERED_MAX 16 /* nesting of DW_CFA_remember_state; compilers need 1 or 2 */

enum cfi_how {
	CFI_UNSET,      /* nothing said */
	CFI_SAME,       /* unchanged */
	CFI_UNDEFINED,  /* lost */
	CFI_OFFSET,     /* saved at CFA + offset */
	CFI_VAL_OFFSET, /* CFA + offset */
	CFI_REGISTER,   /* in another register */
	CFI_EXPR,       /* saved where the expression says */
	CFI_VAL_EXPR,   /* what the expression says */
};

/** Where a register of the caller is, or, as the CFA, CFI_REGISTER (reg + offset) or CFI_VAL_EXPR.
 */
struct cfi_rule {
	uint8_t how; /* enum cfi_how */
	uint8_t reg;
	uint32_t expr_len;
	union {
		int64_t offset;
		const uint8_t *expr; /* into the section */
	};
};

enum cfi_column {
	CFI_SCRAP, /* the last rule of any other register: of no meaning */
	CFI_CFA,
	CFI_BP,
	CFI_BX, /* for unwind/base_calls.h */
	CFI_SP,
	CFI_RA,
	CFI_COLUMNS,
};

struct cfi_row {
	struct cfi_rule columns[CFI_COLUMNS];
};

/** A program under way. Plain data: needs no clean-up. */
struct cfi_program {
	const struct elf_range *section;
	const struct cfi_cie *cie;
	struct cursor code;
	uint64_t start, end; /* the addresses that `row` is in force for */
	uint64_t fde_end;
	bool failed; /* an instruction that does not read or cannot be: the rest is unknown */
	int remembered_len;
	struct cfi_row row;
	struct cfi_row initial; /* after the CIE's instructions */
	struct cfi_row remembered[CFI_REMEMBERED_MAX];
};

/** Run a CIE's instructions: the state in which its FDEs begin. False if they are damaged. */
bool cfi_program_cie(const struct elf_range *section, const struct cfi_cie *cie,
		     struct cfi_row *initial);

/** Begin an FDE's program, its CIE's `initial` row given. */
void cfi_program_init(struct cfi_program *p, const struct cfi_table *t, const struct cfi_fde *fde,
		      const struct cfi_row *initial);

/**
 * Run up to the next address at which the row changes: then p->row holds for [p->start, p->end).
 * False at the end of the FDE, or at a damaged instruction (p->failed): of what is left, nothing is
 * known.
 */
bool cfi_program_next(struct cfi_program *p);
