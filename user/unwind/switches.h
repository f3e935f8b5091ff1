/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Where a switch leads: compilers jump to an address that they take from a table of the file's
 * data, of words or of 32-bit distances from the table itself.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "elf/elf_file.h"
#include "unwind/leads.h"
#include "unwind/stack_insn.h"

/** An instruction that names data, which may be a switch's table. */
struct switch_table {
	uint64_t vaddr; /* of the instruction */
	uint64_t data;
	bool distances; /* not words */
};

/** Those of one function; all zero: none. */
struct switch_tables {
	vec_of(struct switch_table) items;
};

/** Note what an instruction names, if it is no code. 0 or -ENOMEM. */
int switch_tables_note(struct switch_tables *s, const struct elf_file *f,
		       const struct code_image *code, uint64_t vaddr, const struct stack_insn *in);

/**
 * Call `each` for the cases of a jump: by the table named shortly before, else by all that were
 * noted. A table has no end but the first entry that is no code: what is behind it may be
 * another's, and so may the last cases. Stops at the first that is not 0, and returns it.
 */
int switch_tables_cases(const struct switch_tables *s, struct elf_file *f,
			const struct code_image *code, uint64_t jump,
			int (*each)(void *ctx, uint64_t vaddr), void *ctx);
