// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "proc/status.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"

/* PF_KTHREAD of the flags in /proc/PID/stat: unchanged since Linux 2.6.27. */
#define STAT_FLAG_KTHREAD 0x00200000u

static void cleanup_buf(struct buf *b)
{
	buf_deinit(b);
}

/* The text of a file of one process; -ESRCH if there is none. */
static int read_proc_text(pid_t pid, const char *file, struct buf *text, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	int rc = file_read_all(path, text, e);
	if (rc == -ENOENT || rc == -ESRCH) {
		/* Under hidepid= the files of others are absent although they run. */
		if (kill(pid, 0) == 0 || errno == EPERM)
			return err_plain(e, -EACCES,
					 "process %d is hidden from us (/proc is mounted with "
					 "hidepid): run as root",
					 pid);
		return err_plain(e, -ESRCH, "no process %d", pid);
	}
	return rc;
}

int proc_status_parse(const char *text, struct proc_status *ret, struct err *e)
{
	struct proc_status s = { 0 };
	unsigned int flags;
	uint64_t utime, stime;
	int n = 0;

	/* The name may hold spaces and parentheses itself; only the last one ends it. */
	const char *open = strchr(text, '(');
	const char *close = strrchr(text, ')');
	if (!open || !close || close < open || sscanf(text, "%d (%n", &s.pid, &n) != 1 || n == 0)
		return err_plain(e, -EPROTO, "damaged process status '%.64s'", text);
	size_t len = (size_t)(close - open - 1);
	if (len >= sizeof(s.comm))
		len = sizeof(s.comm) - 1;
	memcpy(s.comm, open + 1, len);

	/* Fields 3, 4, 9, 14, 15, 20 and 22 of proc_pid_stat(5). */
	if (sscanf(close,
		   ") %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %*d %*d %*d %*d %" SCNu32 " %*d %" SCNu64,
		   &s.state, &s.ppid, &flags, &utime, &stime, &s.threads, &s.start_ticks) != 7)
		return err_plain(e, -EPROTO, "damaged process status '%.64s'", text);
	s.kernel_thread = flags & STAT_FLAG_KTHREAD;
	s.cpu_ns = (utime + stime) * (NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
	*ret = s;
	return 0;
}

int proc_status_read(pid_t pid, struct proc_status *ret, struct err *e)
{
	_cleanup_(cleanup_buf) struct buf text = { 0 };
	int rc = read_proc_text(pid, "stat", &text, e);

	return rc < 0 ? rc : proc_status_parse(text.data, ret, e);
}

pid_t proc_thread_group(pid_t tid, struct err *e)
{
	_cleanup_(cleanup_buf) struct buf text = { 0 };
	int rc = read_proc_text(tid, "status", &text, e);
	if (rc < 0)
		return rc;
	/* The name comes first, but with its newlines escaped: no line of its own making. */
	const char *line = strstr(text.data, "\nTgid:");
	pid_t tgid;
	if (!line || sscanf(line, "\nTgid: %d", &tgid) != 1)
		return err_plain(e, -EPROTO, "damaged status of process %d", tid);
	return tgid;
}

int proc_exe(pid_t pid, char **ret, struct err *e)
{
	static const char deleted[] = " (deleted)";
	char path[64], target[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n < 0) {
		int code = -errno;

		if (code == -ENOENT && kill(pid, 0) < 0 && errno == ESRCH)
			return err_plain(e, -ESRCH, "no process %d", pid);
		return err_set(e, code, "cannot read '%s'", path);
	}
	target[n] = '\0';
	size_t suffix = sizeof(deleted) - 1;
	if ((size_t)n > suffix && strcmp(target + n - suffix, deleted) == 0)
		target[(size_t)n - suffix] = '\0';
	char *copy = strdup(target);
	if (!copy)
		return err_set(e, -ENOMEM, "cannot read '%s'", path);
	*ret = copy;
	return 0;
}

int proc_name(pid_t pid, char **ret, struct err *e)
{
	_cleanup_free_ char *exe = NULL;
	struct proc_status status;
	const char *name = status.comm;

	if (proc_exe(pid, &exe, NULL) == 0) {
		const char *slash = strrchr(exe, '/');

		name = slash ? slash + 1 : exe;
	} else {
		int rc = proc_status_read(pid, &status, e);
		if (rc < 0)
			return rc;
	}
	char *copy = strdup(name);
	if (!copy)
		return err_set(e, -ENOMEM, "cannot keep the name of process %d", pid);
	*ret = copy;
	return 0;
}

int proc_thread_name(pid_t tid, char to[PROC_COMM_MAX], struct err *e)
{
	_cleanup_(cleanup_buf) struct buf text = { 0 };

	to[0] = '\0';
	int rc = read_proc_text(tid, "comm", &text, e);
	if (rc < 0)
		return rc;
	if (text.len && text.data[text.len - 1] == '\n')
		text.data[text.len - 1] = '\0';
	snprintf(to, PROC_COMM_MAX, "%s", text.data);
	return 0;
}

int proc_pid_namespace(uint64_t *dev, uint64_t *ino, struct err *e)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0)
		return err_set(e, -errno, "cannot read '/proc/self/ns/pid'");
	*dev = st.st_dev;
	*ino = st.st_ino;
	return 0;
}
