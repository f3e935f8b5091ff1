/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Which processes there are, and whose children they are. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/** Zeroed storage is an empty list; vec_deinit() frees it. */
struct pid_list {
	pid_t *items;
	size_t len, cap;
};

/** Replace *ret by the PIDs of all processes that we see, kernel threads included, ascending. */
int proc_list(struct pid_list *ret, struct err *e);

/** Replace *ret by the TIDs of one process; -ESRCH. */
int proc_threads(pid_t pid, struct pid_list *ret, struct err *e);

/**
 * Replace *ret by the living descendants of processes, parents before their children, without the
 * given ones. Each PID comes once. A process that is born during the call may be missing, and so
 * may those whose parent has ended: they belong to init now.
 */
int proc_descendants(const pid_t *pids, size_t npids, struct pid_list *ret, struct err *e);
