/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The functions in the symbol tables of an ELF file (gABI, "Symbol Table").
 *
 * Taken are symbols of type FUNC, GNU_IFUNC and NOTYPE that are defined in an executable section.
 * Of several symbols at one address the best stands for all: one with a size; GLOBAL or WEAK rather
 * than LOCAL; a function rather than NOTYPE; then as alias_compare() says.
 *
 * A symbol covers the addresses of its size. One without a size is a label and dropped where it
 * lies inside one that has a size; elsewhere, in SYMTAB_STATIC, it reaches up to the next symbol or
 * the end of its section (functions written in assembly). In SYMTAB_DYNAMIC it covers nothing: that
 * table leaves out static functions, which would be swallowed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "elf/elf_file.h"

struct symtab;

enum symtab_kind {
	SYMTAB_STATIC,  /* .symtab */
	SYMTAB_DYNAMIC, /* .dynsym */
};

struct symtab_symbol {
	uint64_t start, end; /* addresses in the file, end exclusive */
	const char *name;    /* NUL-terminated; without the version in the first `name_len` bytes */
	size_t name_len;
};

/**
 * Read one symbol table. The caller frees *ret with symtab_destroy(), before the file is closed;
 * untouched on failure. -ENOENT: the file has no such table; -ENOEXEC: it is damaged.
 */
int symtab_create(struct elf_file *f, enum symtab_kind kind, struct symtab **ret, struct err *e);
void symtab_destroy(struct symtab *t);

/** The innermost symbol that covers an address; the names live as long as the file. */
bool symtab_find(const struct symtab *t, uint64_t addr, struct symtab_symbol *ret);

/** The symbol that starts at exactly this address, whatever it covers. */
bool symtab_find_start(const struct symtab *t, uint64_t addr, struct symtab_symbol *ret);
