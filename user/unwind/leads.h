/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Where functions may begin in a file that does not say so by symbols: what code that has CFI
 * calls, and the addresses that instructions and the file's data hold.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf/elf_file.h"
#include "unwind/cfi.h"
#include "unwind/stack_insn.h"

/** The code of a file, from its first byte to its last; what is between segments is 0. */
struct code_image {
	uint64_t start;
	const uint8_t *bytes;
	size_t len;
	bool absolute; /* the file is loaded where it says: constants may be addresses */
};

enum lead {
	LEAD_CALL, /* called directly */
	LEAD_CODE, /* jumped to, or its address made by an instruction */
	LEAD_DATA, /* a word of data may be its address */
};

typedef int lead_each_fn(void *ctx, enum lead lead, uint64_t vaddr);

/** The number that the instruction at `vaddr`, decoded in *in, holds or makes, if it may be an
 * address; false if none. */
bool insn_address(const struct code_image *code, uint64_t vaddr, const struct stack_insn *in,
		  uint64_t *to);

/** The address of code that the instruction at `vaddr`, decoded in *in, makes; false if none. */
bool lead_address(const struct code_image *code, uint64_t vaddr, const struct stack_insn *in,
		  uint64_t *to);

/**
 * Does the program come to code that no FDE covers, by its entry point: is that not covered itself,
 * or a function that is handed to the C library there?
 */
bool leads_needed(struct elf_file *f, const struct cfi_table *t);

/** Does a function seem to begin at an address: with a push of a register that is its caller's? */
bool saves_register(const struct code_image *code, uint64_t vaddr);

/** The bytes of the nop at an address; 0 if there is none. */
uint8_t padding_bytes(const struct code_image *code, uint64_t vaddr);

/** Call `each` for every function of the file's symbol tables. Stops at the first that is not 0,
 * and returns it. */
int leads_symbols(struct elf_file *f, int (*each)(void *ctx, const char *name, uint64_t at),
		  void *ctx);

/**
 * Call `each` for the addresses of code that no FDE covers: those in the file's segments, then
 * those that covered code makes or calls. Stops at the first that is not 0, and returns it.
 */
int leads_each(struct elf_file *f, const struct cfi_table *t, const struct code_image *code,
	       lead_each_fn *each, void *ctx);
