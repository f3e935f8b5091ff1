/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What /proc tells of one process or thread: proc_pid_stat(5), proc_pid_status(5). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define PROC_COMM_MAX 64 /* 15 bytes for programs, more for the kernel's workers */

struct proc_status {
	pid_t pid, ppid;
	char comm[PROC_COMM_MAX]; /* any bytes but NUL: to be escaped before it is shown */
	char state;               /* R, S, D, Z, ... */
	uint32_t threads;
	bool kernel_thread;
	uint64_t cpu_ns;      /* utime + stime of all threads, ended ones included, in ticks of
				 1/sysconf(_SC_CLK_TCK) s; of the one thread for a TID */
	uint64_t start_ticks; /* since boot; with the PID it names a process for good */
};

/** Whether it has ended and only waits for its parent. */
static inline bool proc_status_is_zombie(const struct proc_status *s)
{
	return s->state == 'Z' || s->state == 'X';
}

/** Read /proc/PID/stat; a TID serves as well. -ESRCH or another negative errno. */
int proc_status_read(pid_t pid, struct proc_status *ret, struct err *e);

/** Parse the text of a stat file; -EPROTO: it is none. */
int proc_status_parse(const char *text, struct proc_status *ret, struct err *e);

/** The process that a thread belongs to: its own number for a process, a negative errno on error.
 */
pid_t proc_thread_group(pid_t tid, struct err *e);

/**
 * The path of the executable, without " (deleted)"; the caller frees *ret. -ESRCH, -ENOENT for a
 * kernel thread or a zombie, or another negative errno.
 */
int proc_exe(pid_t pid, char **ret, struct err *e);

/**
 * The name to call a process by: the basename of its executable or, where that cannot be read, its
 * comm; the caller frees *ret.
 */
int proc_name(pid_t pid, char **ret, struct err *e);

/** The name of a thread; `to` is "" on error. */
int proc_thread_name(pid_t tid, char to[PROC_COMM_MAX], struct err *e);

/** The number that stat() gives to our own PID namespace: what bpf_get_ns_current_pid_tgid() takes.
 */
int proc_pid_namespace(uint64_t *dev, uint64_t *ino, struct err *e);
