/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Who is profiled: what the command line says, held against what runs. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "cmd/capture_options.h"
#include "proc/tree.h"

struct targets {
	struct pid_list pids; /* processes, each once; the first one is who was named first */
	char *name;           /* of the first executable, of the command, or of this host */
	char *program;        /* the file that the command will execute; NULL without one */
	struct buf notes;     /* lines on what is done other than as said; empty: nothing */
};

/**
 * Find out who is meant. A thread's ID stands for its process. -ESRCH: no such process, or it has
 * ended. -EINVAL: a kernel thread, or ourselves. -ENOENT, -EACCES: there is no such command. Each
 * with a message that says what to do. *ret is freed with targets_deinit() in either case.
 */
int targets_resolve(const struct capture_options *o, struct targets *ret, struct err *e);

/**
 * Whether we may profile at all, and look into these processes; what cannot be had but is no
 * obstacle (the names of kernel functions) is noted. -EPERM, -EACCES or what privilege_check()
 * says.
 */
int targets_check_access(const struct capture_options *o, struct targets *t, struct err *e);

/** Whether all targets are 64-bit programs, as far as they can be read. -EOPNOTSUPP names one that
 * is not. */
int targets_check_class(const struct targets *t, struct err *e);

void targets_deinit(struct targets *t);
