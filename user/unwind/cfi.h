/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The entries of an .eh_frame section: CIEs and FDEs.
 *
 * Formats: Linux Standard Base 5.0, core specification, chapters 10.5 (pointer encodings) and 10.6
 * (.eh_frame); DWARF 5, section 6.4.1. The bytes are untrusted; whatever does not read as an entry
 * is left out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/vec.h"
#include "elf/elf_file.h"

#define CFI_REG_RA 16 /* x86_64: the only return address column taken */

/** What the FDEs of a kind have in common. */
struct cfi_cie {
	uint32_t offset; /* in the section */
	uint64_t code_align;
	int64_t data_align;
	uint8_t fde_encoding; /* DW_EH_PE_* of addresses in FDEs */
	bool fde_augmented;   /* FDEs carry a length and augmentation data */
	bool signal;          /* augmentation S: frames of a signal trampoline */
	struct cursor program;
};

/** The CFI of the code [start, end); `program` bytes follow those of its CIE. */
struct cfi_fde {
	uint64_t start, end; /* addresses in the file */
	uint32_t cie;        /* index in cfi_table.cies */
	uint32_t program;    /* offset in the section */
	uint32_t program_len;
};

/* What is known of code without CFI takes the form of FDEs, too. */
#define CFI_CIE_ROOT    UINT32_MAX       /* an outermost function */
#define CFI_CIE_GO      (UINT32_MAX - 1) /* a function of Go, its number in `program` */
#define CFI_CIE_CLONE   (UINT32_MAX - 2) /* clone from its system call to its return */
#define CFI_CIE_HEIGHTS (UINT32_MAX - 3) /* code that unwind/heights.h has followed */
#define CFI_CIE_FIRST   CFI_CIE_HEIGHTS

struct cfi_table {
	struct elf_range section; /* borrowed */
	vec_of(struct cfi_cie) cies;
	vec_of(struct cfi_fde) fdes;
};

/**
 * Read all entries of a section, FDEs sorted by start. Reading stops at the terminating zero length
 * and at the first entry that does not fit the section; entries in forms that are not known are
 * skipped. 0 or -ENOMEM, the table empty; cfi_table_deinit() frees it. The section's bytes must
 * live as long as the table.
 */
int cfi_table_init(struct cfi_table *t, struct elf_range section);
void cfi_table_deinit(struct cfi_table *t);

/** Sort again by start, after FDEs were appended; 0 or -ENOMEM. FDEs of equal start keep their
 * order. */
int cfi_table_sort(struct cfi_table *t);

/** The FDE in force at an address of a sorted table: the last that starts at or before it, if it
 * reaches that far. */
const struct cfi_fde *cfi_table_find(const struct cfi_table *t, uint64_t vaddr);

/**
 * Read a pointer in one of the encodings DW_EH_PE_*. `section` tells the address of the pointer
 * itself, for relative ones. False, nothing moved, for encodings that need what a file alone does
 * not hold (indirect, relative to text or data), and past the end.
 */
bool cfi_pointer(struct cursor *c, uint8_t encoding, const struct elf_range *section, uint64_t *to);
