// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/probe_cost.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proc/maps.h"

#define ROUNDS      9 /* the median is of an odd number of them */
#define ROUND_CALLS 500

/* ---- The child --------------------------------------------------------------------------------
 */

/* Two functions that return 0: the kernel emulates the first instruction of one (a push), not that
 * of the other. */
__asm__(".pushsection .text\n"
	".type probe_cost_emulated, @function\n"
	"probe_cost_emulated:\n"
	"	.cfi_startproc\n"
	"	push %rbp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	xor %eax, %eax\n"
	"	pop %rbp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size probe_cost_emulated, . - probe_cost_emulated\n"
	".type probe_cost_stepped, @function\n"
	"probe_cost_stepped:\n"
	"	.cfi_startproc\n"
	"	xor %eax, %eax\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size probe_cost_stepped, . - probe_cost_stepped\n"
	".popsection\n");

typedef long probe_cost_function(long, long, long, long);
probe_cost_function probe_cost_emulated, probe_cost_stepped;

/*
 * A round for each byte that comes, answered by its nanoseconds. It ends with the other end of the
 * line or with us, whichever is first, and keeps nothing of ours open. What it calls is safe after
 * a fork of a process with threads.
 */
static _Noreturn void child_run(pid_t parent, int line, probe_cost_function *function)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	dup2(line, STDIN_FILENO);
	syscall(SYS_close_range, STDIN_FILENO + 1, UINT_MAX, 0);
	while (read(STDIN_FILENO, &byte, 1) == 1) {
		uint64_t start = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
		for (int i = 0; i < ROUND_CALLS; i++)
			function(1, 1, 1, 1);
		uint64_t ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - start;
		if (write(STDIN_FILENO, &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	_exit(0);
}

struct child {
	pid_t pid;
	int line;
};

static void child_end(struct child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	cleanup_close(&c->line);
}

static int child_start(struct child *c, probe_cost_function *function, struct err *e)
{
	sigset_t all, old;
	pid_t parent = getpid();
	int line[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) < 0)
		return err_set(e, -errno, "cannot make a socket");
	/* Ctrl-C comes to the child too, and our handlers are not its. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	c->pid = fork();
	if (c->pid == 0)
		child_run(parent, line[1], function);
	int rc = -errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(line[1]);
	c->line = line[0];
	return c->pid < 0 ? err_set(e, rc, "cannot fork") : 0;
}

/* ---- Measuring --------------------------------------------------------------------------------
 */

static int round_ns(const struct child *c, uint64_t *ns)
{
	ssize_t n = send(c->line, "x", 1, MSG_NOSIGNAL);

	while (n == 1) {
		n = recv(c->line, ns, sizeof(*ns), MSG_WAITALL);
		if (n == sizeof(*ns))
			return 0;
		if (n < 0 && errno == EINTR)
			n = 1;
	}
	return n < 0 ? -errno : -ECHILD;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Nanoseconds of a call. */
static int call_ns(const struct child *c, double *ret, struct err *e)
{
	uint64_t ns[ROUNDS];
	int rc = round_ns(c, &ns[0]); /* its caches are cold */

	for (int i = 0; i < ROUNDS && rc == 0; i++)
		rc = round_ns(c, &ns[i]);
	if (rc < 0)
		return err_set(e, rc, "the process that measures probes gave no answer");
	qsort(ns, ROUNDS, sizeof(ns[0]), compare_u64);
	*ret = (double)ns[ROUNDS / 2] / ROUND_CALLS;
	return 0;
}

/* Where a function of ours is in our file. */
static int function_offset(probe_cost_function *function, uint64_t *ret, struct err *e)
{
	_cleanup_(proc_maps_deinit) struct proc_maps maps = { 0 };
	int rc = proc_maps_read(&maps, getpid(), e);
	if (rc < 0)
		return rc;
	const struct proc_mapping *m = proc_maps_find(&maps, (uintptr_t)function);
	if (!m || !proc_mapping_is_file(m))
		return err_plain(e, -ENOENT, "our own text is not mapped from a file");
	*ret = (uintptr_t)function - m->start + m->pgoff;
	return 0;
}

static int programs_attach(struct uprobe_links *links, const struct probe_cost_program *programs,
			   size_t n, pid_t pid, uint64_t offset, struct err *e)
{
	_cleanup_close_ int exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (exe < 0)
		return err_set(e, -errno, "cannot open '/proc/self/exe'");
	for (size_t i = 0; i < n; i++) {
		const struct probe_cost_program *p = &programs[i];
		int rc =
			uprobe_attach(links, p->kind, p->fd, p->is_return, pid, exe, &offset, 1, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int probe_cost_measure(const struct probe_cost_program *programs, size_t n, bool is_stepped,
		       double *ret_ns, struct err *e)
{
	probe_cost_function *function = is_stepped ? probe_cost_stepped : probe_cost_emulated;
	_cleanup_(child_end) struct child child = { .line = -1 };
	_cleanup_(uprobe_detach) struct uprobe_links links = { 0 };
	double without = 0, with = 0;
	uint64_t offset = 0;

	int rc = function_offset(function, &offset, e);
	if (rc < 0 || (rc = child_start(&child, function, e)) < 0)
		return rc;
	rc = call_ns(&child, &without, e);
	if (rc == 0)
		rc = programs_attach(&links, programs, n, child.pid, offset, e);
	if (rc == 0)
		rc = call_ns(&child, &with, e);
	if (rc == 0)
		*ret_ns = with > without ? with - without : 0;
	return rc;
}
