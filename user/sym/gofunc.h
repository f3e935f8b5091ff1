/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The names of a Go program's functions, from the .gopclntab that its runtime needs: also where
 * the linker was told to leave out symbols and DWARF (-ldflags "-s -w").
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "elf/elf_file.h"
#include "sym/symtab.h"

struct gofunc;

/**
 * Read the table. The caller frees *ret with gofunc_destroy(), before the file is closed; untouched
 * on failure. -ENOENT: no Go program, or of a version that is not known.
 */
int gofunc_create(struct elf_file *f, struct gofunc **ret, struct err *e);
void gofunc_destroy(struct gofunc *t);

/** The function that contains an address; its name lives as long as the file. */
bool gofunc_find(const struct gofunc *t, uint64_t addr, struct symtab_symbol *ret);
