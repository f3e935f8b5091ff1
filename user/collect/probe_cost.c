// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/probe_cost.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proc/maps.h"

#define ROUNDS        9 /* the median is of an odd number of them */
#define ROUND_CALLS   100

#define FUNCTION_BITS 4 /* bytes between two functions: a power of two */
#define STRING(x)     STRING_(x)
#define STRING_(x)    #x

/* ---- The child --------------------------------------------------------------------------------
 */

/* Functions that return 0, one of each kind for each cost: of the first kind the kernel emulates
 * the first instruction (a push), of the others it does not. */
__asm__(".pushsection .text\n"
	".type probe_cost_functions, @function\n"
	"probe_cost_functions:\n"
	".cfi_startproc\n"
	".rept " STRING(
		PROBE_COSTS_MAX) "\n"
				 "	.p2align " STRING(
					 FUNCTION_BITS) "\n"
							"	push %rbp\n"
							"	.cfi_adjust_cfa_offset 8\n"
							"	xor %eax, %eax\n"
							"	pop %rbp\n"
							"	.cfi_adjust_cfa_offset -8\n"
							"	ret\n"
							".endr\n"
							".rept " STRING(
								PROBE_COSTS_MAX) "\n"
										 "	."
										 "p2align " STRING(
											 FUNCTION_BITS) "\n"
													"	xor %eax, %eax\n"
													"	ret\n"
													".endr\n"
													".cfi_endproc\n"
													".size probe_cost_functions, . - probe_cost_functions\n"
													".popsection\n");

typedef long probe_cost_function(long, long, long, long);
extern const char probe_cost_functions[];

/* The function for cost number `i`. */
static uintptr_t function_of(const struct probe_cost *costs, size_t i)
{
	uintptr_t first = (uintptr_t)probe_cost_functions;
	size_t number = costs[i].is_stepped ? PROBE_COSTS_MAX + i : i;

	return first + (number << FUNCTION_BITS);
}

/* A byte on the line: no cost, but to be confined and call the last one's function. */
#define CONFINED PROBE_COSTS_MAX

/* From now on any system call but exit ends us. Whether that can be had. */
static bool child_confine(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	/* It leaves no core behind. */
	return prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/*
 * A round for each byte that comes, of the function of that cost, answered by its nanoseconds. It
 * ends with the other end of the line or with us, whichever is first, and keeps nothing of ours
 * open. What it calls is safe after a fork of a process with threads.
 */
static _Noreturn void child_run(pid_t parent, int line, const struct probe_cost *costs, size_t n)
{
	unsigned char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	dup2(line, STDIN_FILENO);
	syscall(SYS_close_range, STDIN_FILENO + 1, UINT_MAX, 0);
	while (read(STDIN_FILENO, &byte, 1) == 1) {
		size_t cost = byte == CONFINED ? n - 1 : byte;
		probe_cost_function *function = (probe_cost_function *)function_of(costs, cost);

		if (byte == CONFINED) {
			if (child_confine())
				function(1, 1, 1, 1);
			/* A sanitizer's _exit() does more than that. */
			syscall(SYS_exit_group, 0);
		}
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

static int child_start(struct child *c, const struct probe_cost *costs, size_t n, struct err *e)
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
		child_run(parent, line[1], costs, n);
	int rc = -errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(line[1]);
	c->line = line[0];
	return c->pid < 0 ? err_set(e, rc, "cannot fork") : 0;
}

/* ---- Measuring --------------------------------------------------------------------------------
 */

static int round_ns(const struct child *c, unsigned char cost, uint64_t *ns)
{
	ssize_t n = send(c->line, &cost, 1, MSG_NOSIGNAL);

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

/* Whether a hit kills a process that filters system calls. The child has ended then in any case. */
static bool hit_kills(struct child *c)
{
	unsigned char byte = CONFINED;
	int status = 0;

	if (send(c->line, &byte, 1, MSG_NOSIGNAL) != 1)
		return false;
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/* Nanoseconds of a call of the function of a cost. */
static int call_ns(const struct child *c, size_t cost, double *ret, struct err *e)
{
	unsigned char number = (unsigned char)cost;
	uint64_t ns[ROUNDS];
	int rc = round_ns(c, number, &ns[0]); /* its caches are cold */

	for (int i = 0; i < ROUNDS && rc == 0; i++)
		rc = round_ns(c, number, &ns[i]);
	if (rc < 0)
		return err_set(e, rc, "the process that measures probes gave no answer");
	qsort(ns, ROUNDS, sizeof(ns[0]), compare_u64);
	*ret = (double)ns[ROUNDS / 2] / ROUND_CALLS;
	return 0;
}

/* How far an address of our text is behind its place in our file. */
static int file_distance(uintptr_t address, uint64_t *ret, struct err *e)
{
	_cleanup_(proc_maps_deinit) struct proc_maps maps = { 0 };
	int rc = proc_maps_read(&maps, getpid(), e);
	if (rc < 0)
		return rc;
	const struct proc_mapping *m = proc_maps_find(&maps, address);
	if (!m || !proc_mapping_is_file(m))
		return err_plain(e, -ENOENT, "our own text is not mapped from a file");
	*ret = m->start - m->pgoff;
	return 0;
}

static int cost_attach(struct uprobe_links *links, const struct probe_cost *cost, pid_t pid,
		       uint64_t offset, struct err *e)
{
	_cleanup_close_ int exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (exe < 0)
		return err_set(e, -errno, "cannot open '/proc/self/exe'");
	for (size_t i = 0; i < cost->n; i++) {
		const struct probe_cost_program *p = &cost->programs[i];
		int rc =
			uprobe_attach(links, p->kind, p->fd, p->is_return, pid, exe, &offset, 1, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int probe_cost_measure(struct probe_cost *costs, size_t n, struct uprobe_links *links,
		       struct err *e)
{
	_cleanup_(child_end) struct child child = { .line = -1 };
	_cleanup_(uprobe_detach) struct uprobe_links attached = { 0 };
	uint64_t distance = 0;

	int rc = file_distance((uintptr_t)probe_cost_functions, &distance, e);
	if (rc < 0 || (rc = child_start(&child, costs, n, e)) < 0)
		return rc;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = call_ns(&child, i, &costs[i].ns, e);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = cost_attach(&attached, &costs[i], child.pid, function_of(costs, i) - distance,
				 e);
	for (size_t i = 0; i < n && rc == 0; i++) {
		double with = 0, without = costs[i].ns;

		rc = call_ns(&child, i, &with, e);
		costs[i].ns = with > without ? with - without : 0;
	}
	if (rc == 0) {
		costs[n - 1].kills = hit_kills(&child);
		uprobe_links_move(links, &attached);
	}
	return rc;
}
