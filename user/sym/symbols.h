/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * All that one ELF file tells about the names of its addresses. Not thread-safe.
 *
 * The best source wins, address by address:
 *   1. DWARF of the file, or of its separate debug file (debugfile.h has the search order)
 *   2. .symtab of the file, or of its debug file
 *   3. .dynsym, inside a symbol's size, or where an FDE starts at the symbol
 *   4. the .gopclntab of a Go program
 *   5. the FDE table: "_start", "main" and "[FILE]+0xSTART", one name for each function
 * Where DWARF knows a line but no function (assembly), the name is that of the next source.
 *
 * A profile's callers are return addresses - 1; nothing is added or taken off here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "elf/elf_file.h"
#include "sym/debugfile.h"

struct symbols;

enum symbols_source {
	SYMBOLS_NONE,
	SYMBOLS_DWARF,
	SYMBOLS_SYMTAB,
	SYMBOLS_DYNSYM,
	SYMBOLS_GO,
	SYMBOLS_FDE,
};

struct symbols_frame {
	const char *name;        /* demangled */
	const char *system_name; /* as linked; equal to name where nothing is mangled */
	const char *file;        /* source path; NULL: unknown */
	uint32_t line;           /* 0: unknown */
	uint32_t start_line;     /* of the function; 0: unknown */
};

/** What is known of one address. */
struct symbols_result {
	const struct symbols_frame *frames; /* the innermost inlined call first */
	uint32_t len;                       /* 0: nothing is known */
	enum symbols_source source;         /* of the name of the outermost frame */
};

/**
 * Open what names the addresses of `f`, which is borrowed until symbols_destroy(). The basename of
 * place->path stands for the file in names made from FDEs; place->root_fd is needed only during
 * this call. A file without any symbols is no error, and a damaged source counts as absent.
 *
 * 0 or -ENOMEM; *ret is untouched on failure.
 */
int symbols_create(struct elf_file *f, const struct debugfile_place *place, struct symbols **ret,
		   struct err *e);
void symbols_destroy(struct symbols *s);

/**
 * Resolve `n` addresses of the file (p_vaddr space) at once, in any order; results[i] is that of
 * addrs[i]. Frames live until the next call, names as long as `s`. 0 or -ENOMEM.
 */
int symbols_resolve(struct symbols *s, const uint64_t *addrs, size_t n,
		    struct symbols_result *results, struct err *e);
