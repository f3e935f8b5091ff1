/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Separate debug files: where distributions keep the symbols and DWARF of stripped files.
 *
 * Search order; each place first below the target's root, then below ours:
 *   1. /usr/lib/debug/.build-id/XX/REST.debug, by the build ID in hex
 *   2. the name in .gnu_debuglink, in the file's directory DIR, in DIR/.debug and in
 *      /usr/lib/debug/DIR
 *   3. debuginfod servers: not yet
 *
 * A file found must be of the same build: equal build IDs or, where one side has none, the CRC of
 * .gnu_debuglink (GDB manual, "Separate Debug Files").
 */
#pragma once

#include "base/err.h"
#include "elf/elf_file.h"

/** Where a file lies: what the search starts from. */
struct debugfile_place {
	int root_fd;      /* directory that is the target's root, or -1: ours alone */
	const char *path; /* of the file, from that root */
};

struct debugfile {
	struct elf_file *elf;
	int fd; /* behind elf */
};

/** Find the debug file of `f`. -ENOENT if there is none; *ret is untouched on failure. */
int debugfile_open(struct elf_file *f, const struct debugfile_place *place, struct debugfile *ret,
		   struct err *e);

/**
 * Find what .gnu_debugaltlink names: DWARF shared by several files (dwz(1)), by its build ID as
 * above, or by its path, relative ones from the directory of place->path.
 */
int debugfile_open_alt(const char *path, const void *build_id, size_t build_id_len,
		       const struct debugfile_place *place, struct debugfile *ret, struct err *e);

/**
 * Whether libdw may look for a file that the DWARF of `f` names: split units and .dwz files it
 * opens by itself, whatever they are, and a FIFO would block it forever, while some devices act
 * when they are opened. True if `file` beside `f` and, with `dir`, below that is a regular file or
 * absent.
 */
bool debugfile_is_harmless(const struct elf_file *f, const char *dir, const char *file);

void debugfile_close(struct debugfile *d);
