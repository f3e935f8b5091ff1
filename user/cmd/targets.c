// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/targets.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "proc/privilege.h"
#include "proc/spawn.h"
#include "proc/status.h"

static bool targets_have(const struct targets *t, pid_t pid)
{
	vec_for_each(known, &t->pids)
		if (*known == pid)
			return true;
	return false;
}

/* The process that `pid` names; what a user sees in top or htop may be a thread's ID. */
static int process_check(struct targets *t, pid_t pid, pid_t *ret, struct err *e)
{
	struct proc_status status;
	pid_t process = proc_thread_group(pid, e);

	if (process < 0)
		return process == -ESRCH ? err_plain(e, -ESRCH,
						     "no process %d: it has ended, or runs in "
						     "another PID namespace",
						     pid)
					 : process;
	int rc = proc_status_read(process, &status, e);
	if (rc < 0)
		return rc;
	if (status.kernel_thread)
		return err_plain(
			e, -EINVAL,
			"%d (%s) is a kernel thread and has no code of its own: -a profiles "
			"the kernel's threads too",
			process, status.comm);
	/* A zombie main thread may have living threads beside it. */
	if (proc_status_is_zombie(&status) && status.threads <= 1)
		return err_plain(
			e, -ESRCH,
			"process %d (%s) has ended and waits only for its parent to notice",
			process, status.comm);
	if (process == getpid())
		return err_plain(e, -EINVAL, "process %d is cprofbpf itself", process);
	if (process != pid)
		buf_printf(&t->notes,
			   "%d is a thread of process %d (%s), which is profiled whole\n", pid,
			   process, status.comm);
	if (status.state == 'T' || status.state == 't')
		buf_printf(&t->notes,
			   "process %d (%s) is stopped%s: nothing is sampled until it goes on\n",
			   process, status.comm, status.state == 't' ? " by a debugger" : "");
	*ret = process;
	return 0;
}

static int resolve_pids(const struct capture_options *o, struct targets *t, struct err *e)
{
	vec_for_each(pid, &o->pids) {
		pid_t process = *pid;
		int rc = process_check(t, *pid, &process, e);

		if (rc < 0)
			return rc;
		if (!targets_have(t, process) && vec_push(&t->pids, process) < 0)
			return err_set(e, -ENOMEM, "cannot keep the targets");
	}
	return proc_name(t->pids.items[0], &t->name, e);
}

static int resolve_command(const char *command, struct targets *t, struct err *e)
{
	int rc = spawn_find(command, &t->program, e);

	if (rc < 0)
		return rc;
	/* As /proc/PID/exe will show it. */
	char real[PATH_MAX];
	const char *path = realpath(t->program, real) ? real : t->program;
	const char *slash = strrchr(path, '/');
	t->name = strdup(slash ? slash + 1 : path);
	return t->name ? 0 : err_set(e, -ENOMEM, "cannot keep the command's name");
}

static int resolve_host(struct targets *t, struct err *e)
{
	char host[HOST_NAME_MAX + 1] = "";

	if (gethostname(host, sizeof(host)) < 0 || !host[0])
		strcpy(host, "localhost");
	t->name = strdup(host);
	return t->name ? 0 : err_set(e, -ENOMEM, "cannot keep the host's name");
}

int targets_resolve(const struct capture_options *o, struct targets *ret, struct err *e)
{
	*ret = (struct targets){ 0 };
	if (o->command)
		return resolve_command(o->command[0], ret, e);
	return o->all ? resolve_host(ret, e) : resolve_pids(o, ret, e);
}

static int check_class(const char *path, const char *name, struct err *e)
{
	unsigned char ident[EI_NIDENT] = { 0 };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, ident, sizeof(ident)) != sizeof(ident) ||
	    memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_CLASS] != ELFCLASS32)
		return 0;
	return err_plain(e, -EOPNOTSUPP,
			 "'%s' is a 32-bit program: the heap of 32-bit processes is not supported",
			 name);
}

int targets_check_class(const struct targets *t, struct err *e)
{
	int rc = t->program ? check_class(t->program, t->program, e) : 0;

	for (size_t i = 0; i < t->pids.len && rc == 0; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/exe", t->pids.items[i]);
		rc = check_class(path, path, e);
	}
	return rc;
}

int targets_check_access(const struct capture_options *o, struct targets *t, struct err *e)
{
	struct privilege privilege;
	struct err note;

	privilege_read(&privilege);
	int rc = privilege_check(&privilege, e);
	if (rc < 0)
		return rc;
	vec_for_each(pid, &t->pids) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/maps", *pid);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
		else if (errno != ENOENT && errno != ESRCH)
			return privilege_explain_process(&privilege, *pid, -errno, e);
	}
	if (!o->user_only && !o->no_symbols && !privilege_kernel_symbols(&privilege, &note))
		buf_printf(&t->notes, "%s\n", note.msg);
	return 0;
}

void targets_deinit(struct targets *t)
{
	vec_deinit(&t->pids);
	buf_deinit(&t->notes);
	free(t->name);
	free(t->program);
	*t = (struct targets){ 0 };
}
