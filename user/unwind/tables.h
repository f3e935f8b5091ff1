/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The unwind tables of abi/unwind.h, filled from the .eh_frame of ELF files.
 *
 * The memory is the caller's: BPF maps where a kernel is to walk, or plain memory. Files are added
 * and never taken out. Not thread-safe, but what was published may be read meanwhile.
 */
#pragma once

#include <stdint.h>

#include "abi/unwind.h"
#include "base/cursor.h"
#include "base/err.h"
#include "elf/elf_file.h"

/** The memory that tables live in; zeroed, and borrowed until unwind_tables_destroy(). */
struct unwind_memory {
	struct unwind_rule *rules; /* UNWIND_RULES of them */
	struct unwind_page *pages; /* the page directory */
	uint32_t pages_len;
	/** The 4 MiB (UNWIND_SEGMENT_ROWS rows) of segment i, asked for once and in order; NULL if
	 * there is no more. */
	void *(*segment)(void *ctx, uint32_t i);
	void *ctx;
};

struct unwind_tables;

/** The caller frees *ret with unwind_tables_destroy(). 0 or -ENOMEM. */
int unwind_tables_create(const struct unwind_memory *memory, struct unwind_tables **ret,
			 struct err *e);
void unwind_tables_destroy(struct unwind_tables *t);

/**
 * Compile a file's CFI. *dir is the value for struct unwind_mapping, good for every address of its
 * PT_LOAD segments' file contents (whole pages): UNWIND_DIR_NONE if nothing is known of its code.
 * Damaged CFI gives rows as far as it can be read. Go programs, which have no .eh_frame, are
 * compiled from their .gopclntab (unwind/go_heights.h), a C library without CFI from its code
 * (unwind/heights.h); what is known beyond CFI is put right (unwind/quirks.h).
 *
 * -ENOSPC: the tables are full, or its addresses span more than the directory holds; -ENOMEM;
 * -ENOEXEC. Then *dir is untouched and nothing of the file is published.
 */
int unwind_tables_add(struct unwind_tables *t, struct elf_file *f, uint32_t *dir, struct err *e);

/** The rule in force at an address of a file, as BPF finds it: its index, *to its contents. */
uint32_t unwind_tables_rule(const struct unwind_tables *t, uint32_t dir, uint64_t vaddr,
			    struct unwind_rule *to);

/** The DWARF expression of a rule with UNWIND_CFA_EXPR; false if it has none that can be evaluated.
 * Valid until the next unwind_tables_add(). */
bool unwind_tables_expr(const struct unwind_tables *t, const struct unwind_rule *rule,
			struct cursor *to);

struct unwind_tables_stats {
	uint64_t rows;  /* of all pages; the row that repeats the rule in force at a page's start
			   counted */
	uint32_t pages; /* directory entries in use */
	uint32_t rules;
	uint64_t row_bytes; /* of segments, indexes and gaps included */
};

void unwind_tables_stats(const struct unwind_tables *t, struct unwind_tables_stats *ret);
