/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The files that targets map as code: opened and compiled to unwind rows when first seen, once for
 * all processes.
 *
 * A file's number is its identity in frames. Files are the same if they are the same mapped inode,
 * or have the same build ID and size of code (copies in several containers). The descriptor is
 * kept, so that what is deleted or exits before the end still has its names.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "abi/unwind.h"
#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "elf/elf_file.h"
#include "proc/maps.h"
#include "unwind/tables.h"

enum code_file_kind {
	CODE_FILE_ELF,
	CODE_FILE_VDSO,
	CODE_FILE_OPAQUE, /* no ELF file, or one that cannot be read: addresses are file offsets */
};

/** Where the first process that mapped a segment had it: profiles show every process's addresses
 * there. */
struct code_range {
	uint64_t start, end, pgoff;
	uint64_t bias;    /* address minus address in the file */
	uint32_t segment; /* index in code_file.segments */
};

struct code_file {
	uint32_t number;
	enum code_file_kind kind;
	int fd;            /* -1: none; owned */
	const void *image; /* CODE_FILE_VDSO: its bytes; else NULL */
	size_t image_size;
	pid_t pid;                /* of the process that mapped it first; 0: none yet */
	off_t size;               /* when it was compiled, with */
	struct timespec modified; /* which overwriting is noticed */
	char *path;               /* as the process that mapped it first sees it */
	char build_id[2 * ELF_BUILD_ID_MAX + 1]; /* hex, "" if none */
	uint32_t dir;                            /* for struct unwind_mapping */
	vec_of(struct elf_segment) segments;     /* executable ones */
	vec_of(struct code_range) ranges;        /* one per segment seen */
	char *problem; /* why it could not be read or compiled; NULL if all is well */
};

struct code_files {
	vec_of(struct code_file *) items; /* by number - UNWIND_FILE_FIRST */
	struct map by_inode;              /* device, inode, hash of the path -> number */
	struct map by_content;            /* hash of build ID and code size -> number */
	struct unwind_tables *tables;     /* borrowed */
	uint32_t vdso;                    /* its number, 0 before it was seen */
};

void code_files_init(struct code_files *f, struct unwind_tables *tables);
void code_files_deinit(struct code_files *f);

/**
 * The file of an executable mapping of a process, added if new. Returns NULL for memory that is no
 * file, and out of memory. A file that cannot be read is still a file: its `problem` says why.
 */
struct code_file *code_files_get(struct code_files *f, pid_t pid, const struct proc_mapping *m);

/** Open and compile a file that no process maps yet (what a command is about to load); 0 or a
 * negative errno. */
int code_files_preload(struct code_files *f, const char *path, struct err *e);

/** The file of a frame's number; NULL if there is none. */
const struct code_file *code_files_at(const struct code_files *f, uint32_t number);

/** Is there the code that a signal's handler returns to (`mov $15,%rax; syscall`), at an address of
 * the file? */
bool code_file_returns_from_signal(const struct code_file *file, uint64_t vaddr);

/** Address in the process minus address in the file, for a mapping of this file. */
uint64_t code_file_bias(const struct code_file *file, const struct proc_mapping *m);
