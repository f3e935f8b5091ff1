/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What of a process's memory is resident, by kind, from the text of /proc/PID/smaps
 * (proc_pid_smaps(5)). */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/** Resident bytes; the four kinds add up to RSS. */
struct proc_smaps {
	uint64_t anonymous; /* heaps, and the pages of files that were written to privately */
	/*
	 * All of the main thread's stack and, as far as they can be told from other memory, of
	 * other threads': named so, or right above a guard page. Stacks of glibc from 2.42 on,
	 * which have no guard that the kernel shows, count as anonymous.
	 */
	uint64_t stacks;
	uint64_t file;   /* pages as they are in files, and the kernel's own such as the vDSO */
	uint64_t shared; /* shared memory: memfd, SysV, /dev/shm and shared anonymous mappings */
};

/** RSS: the sum of the kinds. */
static inline uint64_t proc_smaps_rss(const struct proc_smaps *s)
{
	return s->anonymous + s->stacks + s->file + s->shared;
}

/**
 * Add what is resident in a process to *sum; nothing if it has no memory (a zombie). The kernel
 * holds the process's mappings still while it looks at one, as for any reader of that file. -ESRCH,
 * -EACCES or another negative errno; *sum is then untouched.
 */
int proc_smaps_add(struct proc_smaps *sum, pid_t pid, struct err *e);

/** The same of a text, which is parsed in place. -EPROTO: a line that is none of the kernel's. */
int proc_smaps_parse(struct buf *text, struct proc_smaps *sum, struct err *e);
