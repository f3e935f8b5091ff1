/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The functions of a Go program by its .gopclntab, which is there in stripped files, too (the
 * format of Go 1.18 and later: src/runtime/symtab.go, pcHeader, functab and _func).
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
};

struct go_function {
	uint64_t start, end;
	const char *name; /* in the table */
};

/** Find the table of a file: false if it is no Go program, or one whose format is not known. */
bool go_functions_init(struct go_functions *g, struct elf_file *f);

/** The i-th function, i < g->len; false if the table is damaged there. */
bool go_functions_get(const struct go_functions *g, uint32_t i, struct go_function *to);
