// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/vec.h"
#include "cmd/targets.h"

static struct capture_options options_of(pid_t *pids, size_t len)
{
	struct capture_options o = { 0 };

	o.pids.items = pids;
	o.pids.len = len;
	return o;
}

static void assert_refused(pid_t pid, int code, const char *message)
{
	struct capture_options o = options_of(&pid, 1);
	struct targets t;
	struct err e = { 0 };

	if (targets_resolve(&o, &t, &e) != code || !strstr(e.msg, message))
		fail_msg("%d: %d '%s'", pid, e.code, e.msg);
	targets_deinit(&t);
}

static void test_refuses_what_cannot_be_profiled(void **state)
{
	(void)state;
	siginfo_t info;
	pid_t zombie = fork();

	if (zombie == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT), 0);
	assert_refused(zombie, -ESRCH, "has ended and waits only for its parent");
	waitpid(zombie, NULL, 0);
	assert_refused(zombie, -ESRCH, "it has ended, or runs in another PID namespace");
	assert_refused(getpid(), -EINVAL, "is cprofbpf itself");
	char comm[32] = "";
	FILE *f = fopen("/proc/2/comm", "r");
	if (f && fgets(comm, sizeof(comm), f) && strcmp(comm, "kthreadd\n") == 0)
		assert_refused(2, -EINVAL, "2 (kthreadd) is a kernel thread");
	if (f)
		fclose(f);
}

static void test_tells_what_is_stopped(void **state)
{
	(void)state;
	pid_t pid = fork();
	siginfo_t info;
	struct targets t;
	struct err e = { 0 };
	char note[64];

	if (pid == 0)
		for (;;)
			pause();
	struct capture_options o = options_of(&pid, 1);
	kill(pid, SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED), 0);
	assert_int_equal(targets_resolve(&o, &t, &e), 0);
	snprintf(note, sizeof(note), "process %d (", pid);
	assert_non_null(strstr(t.notes.data, note));
	assert_non_null(strstr(t.notes.data, ") is stopped: nothing is sampled until"));
	targets_deinit(&t);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct child {
	pid_t pid;
	pid_t tid; /* of its second thread */
	int stop;
};

static void *report_and_wait(void *arg)
{
	int *fds = arg;
	pid_t tid = (pid_t)syscall(SYS_gettid);
	char byte;

	if (write(fds[1], &tid, sizeof(tid)) < 0 || read(fds[2], &byte, 1) < 0)
		abort();
	_exit(0);
}

/* A process of two threads that ends when `stop` is closed. */
static void child_start(struct child *c)
{
	int report[2], stop[2];

	assert_int_equal(pipe(report), 0);
	assert_int_equal(pipe(stop), 0);
	c->pid = fork();
	if (c->pid == 0) {
		int fds[] = { report[0], report[1], stop[0] };
		pthread_t thread;

		close(stop[1]);
		if (pthread_create(&thread, NULL, report_and_wait, fds) != 0)
			_exit(1);
		pthread_join(thread, NULL);
	}
	assert_int_equal(read(report[0], &c->tid, sizeof(c->tid)), sizeof(c->tid));
	close(report[0]);
	close(report[1]);
	close(stop[0]);
	c->stop = stop[1];
}

static void child_stop(struct child *c)
{
	close(c->stop);
	waitpid(c->pid, NULL, 0);
}

static void test_a_thread_stands_for_its_process(void **state)
{
	(void)state;
	struct child c;
	struct targets t;
	struct err e = { 0 };
	char note[128];

	child_start(&c);
	pid_t parent = getppid(), pids[] = { c.tid, parent, c.pid };
	struct capture_options o = options_of(pids, 3);
	assert_int_equal(targets_resolve(&o, &t, &e), 0);
	assert_int_equal(t.pids.len, 2);
	assert_int_equal(t.pids.items[0], c.pid);
	assert_int_equal(t.pids.items[1], parent);
	assert_string_equal(t.name, "cmd_targets_test");
	snprintf(note, sizeof(note), "%d is a thread of process %d", c.tid, c.pid);
	assert_non_null(strstr(t.notes.data, note));
	targets_deinit(&t);

	o = options_of(&pids[2], 1);
	assert_int_equal(targets_resolve(&o, &t, &e), 0);
	assert_int_equal(t.notes.len, 0);
	targets_deinit(&t);
	child_stop(&c);
}

/* A user without capabilities: the first obstacle is told, with what to do. */
static void test_a_plain_user_may_not(void **state)
{
	(void)state;
	int status;
	pid_t pid, init = 1;

	if (geteuid() != 0)
		skip();
	pid = fork();
	if (pid == 0) {
		struct capture_options o = options_of(&init, 1);
		struct targets t;
		struct err e = { 0 };

		if (setresuid(65534, 65534, 65534) < 0 || targets_resolve(&o, &t, &e) < 0)
			_exit(1);
		if (targets_check_access(&o, &t, &e) != -EPERM || !strstr(e.msg, "CAP_BPF"))
			_exit(2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_commands_and_hosts(void **state)
{
	(void)state;
	struct targets t;
	struct err e = { 0 };
	char host[256] = "", shell[PATH_MAX];
	struct capture_options o = { .command = (char *[]){ "sh", "-c", "true", NULL } };

	assert_non_null(realpath("/bin/sh", shell));
	assert_int_equal(targets_resolve(&o, &t, &e), 0);
	assert_string_equal(t.name, strrchr(shell, '/') + 1);
	assert_int_equal(t.program[0], '/');
	assert_int_equal(t.pids.len, 0);
	targets_deinit(&t);

	o.command = (char *[]){ "/no/such", NULL };
	assert_int_equal(targets_resolve(&o, &t, &e), -ENOENT);
	assert_string_equal(e.msg, "cannot start '/no/such': No such file or directory");
	targets_deinit(&t);

	o = (struct capture_options){ .all = true };
	assert_int_equal(targets_resolve(&o, &t, &e), 0);
	gethostname(host, sizeof(host) - 1);
	assert_string_equal(t.name, host[0] ? host : "localhost");
	assert_null(t.program);
	targets_deinit(&t);
}

static void write_program(const char *path, unsigned char class)
{
	const unsigned char ident[EI_NIDENT] = { 0x7f, 'E', 'L', 'F', class };
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(ident, 1, sizeof(ident), f), sizeof(ident));
	assert_int_equal(fclose(f), 0);
}

static void test_classes(void **state)
{
	(void)state;
	char path[] = "/tmp/cprofbpf-class-XXXXXX";
	int fd = mkstemp(path);
	struct targets t = { .program = path };
	pid_t self = getpid();
	struct targets us = { .pids = { .items = &self, .len = 1 } };
	struct err e = { 0 };

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(targets_check_class(&t, &e), 0); /* a script, say */
	write_program(path, ELFCLASS64);
	assert_int_equal(targets_check_class(&t, &e), 0);
	write_program(path, ELFCLASS32);
	assert_int_equal(targets_check_class(&t, &e), -EOPNOTSUPP);
	assert_non_null(strstr(e.msg, "is a 32-bit program"));
	unlink(path);
	assert_int_equal(targets_check_class(&t, &e), 0); /* others tell that it is gone */
	assert_int_equal(targets_check_class(&us, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuses_what_cannot_be_profiled),
		cmocka_unit_test(test_tells_what_is_stopped),
		cmocka_unit_test(test_a_thread_stands_for_its_process),
		cmocka_unit_test(test_a_plain_user_may_not),
		cmocka_unit_test(test_commands_and_hosts),
		cmocka_unit_test(test_classes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
