// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "proc/status.h"
#include "proc/tree.h"

#define NO_SUCH_PID 0x3ffffe

static void test_parses_names_of_any_shape(void **state)
{
	(void)state;
	static const struct {
		const char *text, *comm;
		char process_state;
		bool kernel_thread;
	} cases[] = {
		{ "7 (cat) R 3 0 0 0 0 4194304 0 0 0 0 11 22 0 0 20 0 5 0 987 0", "cat", 'R',
		  false },
		{ "7 (a b) S 3 0 0 0 0 4194304 0 0 0 0 11 22 0 0 20 0 5 0 987 0", "a b", 'S',
		  false },
		{ "7 (x) R 1 (y) S 3 0 0 0 0 0 0 0 0 0 11 22 0 0 20 0 5 0 987 0", "x) R 1 (y", 'S',
		  false },
		{ "7 () Z 3 0 0 0 -1 0 0 0 0 0 11 22 0 0 20 0 5 0 987 0", "", 'Z', false },
		{ "7 (a\nb) D 3 0 0 0 -1 0 0 0 0 0 11 22 0 0 20 0 5 0 987 0", "a\nb", 'D', false },
		{ "7 (kworker/0:1) I 3 0 0 0 -1 69238880 0 0 0 0 11 22 0 0 20 0 5 0 987 0",
		  "kworker/0:1", 'I', true },
	};
	uint64_t tick_ns = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct proc_status s;
		struct err e = { 0 };

		if (proc_status_parse(cases[i].text, &s, &e) < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(s.pid, 7);
		assert_int_equal(s.ppid, 3);
		assert_string_equal(s.comm, cases[i].comm);
		assert_int_equal(s.state, cases[i].process_state);
		assert_int_equal(s.kernel_thread, cases[i].kernel_thread);
		assert_int_equal(s.threads, 5);
		assert_int_equal(s.cpu_ns, 33 * tick_ns);
		assert_int_equal(s.start_ticks, 987);
		assert_int_equal(proc_status_is_zombie(&s), cases[i].process_state == 'Z');
	}
}

static void test_refuses_damage(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"7",
		"7 (cat",
		"7 cat) R 3",
		"(cat) R 3 0 0 0 0 0 0 0 0 0 11 22 0 0 20 0 5 0 987",
		"7 )cat( R 3 0 0 0 0 0 0 0 0 0 11 22 0 0 20 0 5 0 987",
		"7 (cat) R 3 0 0 0 0 0 0 0 0 0 11 22 0 0 20 0 5 0",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct proc_status s;
		struct err e = { 0 };

		if (proc_status_parse(texts[i], &s, &e) != -EPROTO)
			fail_msg("accepted: %s", texts[i]);
	}
}

static void test_reads_ourselves(void **state)
{
	(void)state;
	struct proc_status s;
	struct err e = { 0 };
	struct timespec cpu;
	_cleanup_free_ char *exe = NULL, *name = NULL;

	do {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	} while (cpu.tv_sec == 0 && cpu.tv_nsec < 60000000);
	assert_int_equal(prctl(PR_SET_NAME, "odd) (name"), 0);
	assert_int_equal(proc_status_read(getpid(), &s, &e), 0);
	assert_int_equal(s.pid, getpid());
	assert_int_equal(s.ppid, getppid());
	assert_string_equal(s.comm, "odd) (name");
	assert_int_equal(s.state, 'R');
	assert_int_equal(s.threads, 1);
	assert_false(s.kernel_thread);
	assert_in_range(s.cpu_ns, 40000000, 10000000000);
	char thread[PROC_COMM_MAX];
	assert_int_equal(proc_thread_name(getpid(), thread, &e), 0);
	assert_string_equal(thread, "odd) (name");

	assert_int_equal(proc_exe(getpid(), &exe, &e), 0);
	assert_int_equal(exe[0], '/');
	assert_int_equal(proc_name(getpid(), &name, &e), 0);
	assert_string_equal(name, "proc_status_test");
}

static void test_tells_what_is_not_there(void **state)
{
	(void)state;
	struct proc_status s;
	struct err e = { 0 };
	char *name = NULL, thread[PROC_COMM_MAX] = "x";

	assert_int_equal(proc_status_read(NO_SUCH_PID, &s, &e), -ESRCH);
	assert_string_equal(e.msg, "no process 4194302");
	assert_int_equal(proc_thread_group(NO_SUCH_PID, &e), -ESRCH);
	assert_int_equal(proc_exe(NO_SUCH_PID, &name, &e), -ESRCH);
	assert_int_equal(proc_name(NO_SUCH_PID, &name, &e), -ESRCH);
	assert_int_equal(proc_thread_name(NO_SUCH_PID, thread, &e), -ESRCH);
	assert_string_equal(thread, "");
	assert_null(name);
}

static void *report_tid(void *arg)
{
	int *pipes = arg;
	pid_t tid = (pid_t)syscall(SYS_gettid);
	char byte;

	if (write(pipes[1], &tid, sizeof(tid)) < 0 || read(pipes[2], &byte, 1) < 0)
		abort();
	return NULL;
}

static void test_knows_threads_from_processes(void **state)
{
	(void)state;
	int pipes[4];
	pthread_t thread;
	pid_t tid;
	struct err e = { 0 };
	struct pid_list threads = { 0 };

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pipe(pipes + 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, report_tid, pipes), 0);
	assert_int_equal(read(pipes[0], &tid, sizeof(tid)), sizeof(tid));
	assert_int_equal(proc_thread_group(tid, &e), getpid());
	assert_int_equal(proc_thread_group(getpid(), &e), getpid());
	assert_int_equal(proc_threads(getpid(), &threads, &e), 0);
	bool found = false;
	vec_for_each(t, &threads)
		found |= *t == tid;
	assert_true(found);
	assert_int_equal(proc_threads(NO_SUCH_PID, &threads, &e), -ESRCH);
	assert_int_equal(write(pipes[3], "x", 1), 1);
	pthread_join(thread, NULL);
	vec_deinit(&threads);
	for (int i = 0; i < 4; i++)
		close(pipes[i]);
}

static bool list_has(const struct pid_list *list, pid_t pid)
{
	vec_for_each(p, list)
		if (*p == pid)
			return true;
	return false;
}

/* We have a child, and it has one; both wait until the pipe is closed. */
static void test_lists_descendants(void **state)
{
	(void)state;
	int report[2], stop[2];
	char byte;
	pid_t grandchild, us = getpid();
	struct pid_list list = { 0 };
	struct err e = { 0 };

	assert_int_equal(pipe(report), 0);
	assert_int_equal(pipe(stop), 0);
	pid_t child = fork();
	if (child == 0) {
		close(stop[1]);
		pid_t pid = fork();
		if (pid > 0 && write(report[1], &pid, sizeof(pid)) < 0)
			_exit(1);
		if (read(stop[0], &byte, 1) < 0)
			_exit(1);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		_exit(0);
	}
	assert_int_equal(read(report[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));

	assert_int_equal(proc_descendants(&us, 1, &list, &e), 0);
	assert_int_equal(list.len, 2);
	assert_int_equal(list.items[0], child);
	assert_int_equal(list.items[1], grandchild);
	pid_t both[] = { us, child };
	assert_int_equal(proc_descendants(both, 2, &list, &e), 0);
	assert_int_equal(list.len, 1);
	assert_int_equal(list.items[0], grandchild);
	assert_int_equal(proc_descendants(&grandchild, 1, &list, &e), 0);
	assert_int_equal(list.len, 0);
	assert_int_equal(proc_list(&list, &e), 0);
	assert_true(list_has(&list, us) && list_has(&list, child) && list_has(&list, grandchild));

	close(stop[1]);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	/* A zombie is nobody's running child. */
	assert_int_equal(proc_descendants(&us, 1, &list, &e), 0);
	assert_int_equal(list.len, 0);
	waitpid(child, NULL, 0);
	vec_deinit(&list);
	close(stop[0]);
	close(report[0]);
	close(report[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parses_names_of_any_shape),
		cmocka_unit_test(test_refuses_damage),
		cmocka_unit_test(test_reads_ourselves),
		cmocka_unit_test(test_tells_what_is_not_there),
		cmocka_unit_test(test_knows_threads_from_processes),
		cmocka_unit_test(test_lists_descendants),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
