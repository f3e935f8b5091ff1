/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The memory mappings of a process, from the text of /proc/PID/maps (proc_pid_maps(5)).
 *
 * Zeroed storage is an empty list; proc_maps_deinit() frees it. Reading again reuses the memory.
 * Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"

enum proc_mapping_flag {
	PROC_MAPPING_READ = 1 << 0,
	PROC_MAPPING_WRITE = 1 << 1,
	PROC_MAPPING_EXEC = 1 << 2,
	PROC_MAPPING_SHARED = 1 << 3,
	PROC_MAPPING_DELETED = 1 << 4, /* the path had " (deleted)", which is stripped */
};

struct proc_mapping {
	uint64_t start, end; /* end exclusive */
	uint64_t pgoff;      /* in bytes; 0 for anonymous memory */
	uint64_t inode;      /* 0: no file */
	uint32_t dev_major, dev_minor;
	uint32_t flags; /* PROC_MAPPING_* */
	/*
	 * As the kernel shows it to us: a path from our root or, where a file is out of its reach,
	 * from the root of the target's mount namespace; "[heap]", "[vdso]", "[anon:NAME]",
	 * "/memfd:NAME", "/SYSV00000000", "//anon"; "" for anonymous memory. Lives until the list
	 * is read again or freed.
	 */
	const char *path;
};

struct proc_maps {
	vec_of(struct proc_mapping) mappings; /* sorted by start, without overlaps */
	struct buf text;                      /* what the paths point into */
};

void proc_maps_deinit(struct proc_maps *m);

/**
 * Read the mappings of a process, or of the process that a thread belongs to. A process without
 * memory (a kernel thread, a zombie) has none: that is an empty list and no error. -ESRCH, -EACCES
 * or another negative errno; the list is then empty.
 */
int proc_maps_read(struct proc_maps *m, pid_t pid, struct err *e);

/**
 * Parse m->text, which the caller has filled, in place. -EPROTO: a line that is none of the
 * kernel's; the list is then empty.
 */
int proc_maps_parse(struct proc_maps *m, struct err *e);

/**
 * Parse one line of it in place; *end, where it ends, is its NUL. False: it is none of the
 * kernel's, and *ret is untouched. ret->path points into the line.
 */
bool proc_mapping_parse(char *line, char *end, struct proc_mapping *ret);

/**
 * Replace `text` with that of /proc/PID/`file`, "maps" or "smaps"; "" for a process without memory.
 * -ESRCH, -EACCES or another negative errno.
 */
int proc_maps_text(pid_t pid, const char *file, struct buf *text, struct err *e);

/** The mapping that contains an address, or NULL. */
const struct proc_mapping *proc_maps_find(const struct proc_maps *m, uint64_t addr);

/** Whether a mapping shows a file that can be opened, as opposed to anonymous or special memory. */
bool proc_mapping_is_file(const struct proc_mapping *m);
