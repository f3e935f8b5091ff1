// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "proc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SPAWN_DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin" /* where PATH is not set */

/* 0 if `path` is a regular file that we may execute. */
static int path_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

static int path_take(const char *command, char *path, char **ret, struct err *e)
{
	int rc = path ? path_executable(path) : -ENOMEM;
	if (rc == 0) {
		*ret = path;
		return 0;
	}
	free(path);
	return err_set(e, rc, "cannot start '%s'", command);
}

int spawn_find(const char *command, char **ret, struct err *e)
{
	bool denied = false;

	if (strchr(command, '/'))
		return path_take(command, strdup(command), ret, e);
	const char *dirs = getenv("PATH");
	for (const char *dir = dirs ? dirs : SPAWN_DEFAULT_PATH; *command; dir++) {
		size_t len = strcspn(dir, ":");
		char *path = NULL;

		/* An empty entry is the current directory. */
		if (asprintf(&path, "%.*s%s%s", (int)len, dir, len ? "/" : "", command) < 0)
			return err_set(e, -ENOMEM, "cannot start '%s'", command);
		int rc = path_executable(path);
		if (rc == 0) {
			*ret = path;
			return 0;
		}
		free(path);
		denied |= rc == -EACCES;
		dir += len;
		if (!*dir)
			break;
	}
	if (denied)
		return err_plain(e, -EACCES, "cannot start '%s': found in PATH, but not executable",
				 command);
	return err_plain(e, -ENOENT, "cannot start '%s': no such command in PATH", command);
}

/* The child's life before its exec: wait for the go, and say why the exec failed if it does. */
static void child_exec(char *const argv[], int fd)
{
	char go;
	ssize_t n;

	do {
		n = read(fd, &go, 1);
	} while (n < 0 && errno == EINTR);
	/* No byte but the end: the parent has given up, or is gone. */
	if (n != 1)
		_exit(127);
	execvp(argv[0], argv);
	int code = errno;
	send(fd, &code, sizeof(code), MSG_NOSIGNAL);
	_exit(127);
}

int spawn_start(char *const argv[], struct spawn *ret, struct err *e)
{
	int ends[2];

	*ret = (struct spawn){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set(e, -errno, "cannot start '%s'", argv[0]);
	_cleanup_close_ int ours = ends[0], theirs = ends[1];

	/* What is buffered would be written twice. */
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return err_set(e, -errno, "cannot start '%s'", argv[0]);
	if (pid == 0) {
		close(ours);
		child_exec(argv, theirs);
	}
	ret->pid = pid;
	ret->fd = steal_fd(&ours);
	return 0;
}

int spawn_release(struct spawn *s, struct err *e)
{
	_cleanup_close_ int fd = steal_fd(&s->fd);
	int code = 0;
	ssize_t n = send(fd, "g", 1, MSG_NOSIGNAL);

	/* A successful exec closes the line, a failed one writes its errno. */
	if (n == 1) {
		do {
			n = read(fd, &code, sizeof(code));
		} while (n < 0 && errno == EINTR);
		/* Also when it was killed before the exec: then its status tells. */
		if (n == 0)
			return 0;
	}
	spawn_wait(s);
	if (n == sizeof(code))
		return err_set(e, -code, "cannot start the command");
	return err_plain(e, -ECHILD, "cannot start the command: it was killed");
}

static int spawn_check(struct spawn *s, int flags)
{
	siginfo_t info = { 0 };

	if (s->exited)
		return 1;
	while (waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOWAIT | flags) < 0)
		if (errno != EINTR)
			return -errno;
	if (info.si_pid == 0)
		return 0;
	s->exited = true;
	s->status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : info.si_status;
	return 1;
}

int spawn_poll(struct spawn *s)
{
	return spawn_check(s, WNOHANG);
}

int spawn_wait(struct spawn *s)
{
	return spawn_check(s, 0);
}

const char *spawn_describe(int status, char *to, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(to, size, "was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(to, size, "exited with status %d", WEXITSTATUS(status));
	return to;
}

void spawn_deinit(struct spawn *s)
{
	if (s->pid == 0)
		return;
	if (s->fd >= 0) {
		close(s->fd);
		spawn_wait(s);
	}
	if (spawn_poll(s) == 1)
		waitpid(s->pid, NULL, WNOHANG);
	*s = (struct spawn){ .fd = -1 };
}
