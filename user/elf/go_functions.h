/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The functions of a Go program by its .gopclntab, which tells the height of the stack at each PC,
 * in stripped files, too. Go programs have no .eh_frame, and in leaves without a frame their frame
 * pointers skip the caller.
 *
 * The format is that of Go 1.18 and later: src/runtime/symtab.go (pcHeader, functab, _func,
 * pcvalue).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "elf/elf_file.h"

struct go_functions {
	struct elf_range table;    /* borrowed from the file */
	uint64_t text;             /* the address that entries are relative to */
	uint32_t len;              /* how many functions */
	uint64_t names, functions; /* offsets in the table */
	uint64_t heights;          /* likewise */
	uint32_t flags;            /* offset in _func */
};

/** How a function is unwound. */
enum go_kind {
	GO_BY_HEIGHT, /* the stack pointer moves by constants, which the table tells */
	GO_SWITCH,    /* it changes the stack; the frame pointer leads back to its caller's frame */
	GO_ROOT,      /* an outermost function */
};

struct go_function {
	uint64_t start, end;
	const char *name; /* in the table */
	enum go_kind kind;
	struct cursor heights; /* its height at each PC, to be read by unwind/go_heights.h */
};

/**
 * Find the table of a file: false if it is no Go program, or one whose format is not known, or if
 * the table's addresses do not agree with the code.
 */
bool go_functions_init(struct go_functions *g, struct elf_file *f);

/** The i-th function, i < g->len; false if the table is damaged there. */
bool go_functions_get(const struct go_functions *g, uint32_t i, struct go_function *to);
