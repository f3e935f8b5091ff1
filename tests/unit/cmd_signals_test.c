// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/output.h"
#include "cmd/signals.h"

#define AGAIN_US 300000 /* more than what counts as one key */

enum { ENDED_WELL = 40, NO_STOP, NOT_INTERRUPTED };

/* What a child does after signals_install(false); it exits with what it found. */
static int raise_and_ask(const int *signals)
{
	for (; *signals; signals++) {
		raise(*signals);
		usleep(AGAIN_US);
	}
	return signals_stop() ? ENDED_WELL : NO_STOP;
}

/* The status of a child that raises signals 300 ms apart. */
static int status_after(const int *signals, bool ignored_before)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* The message of giving up is none of this test's output. */
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		for (int number = 1; ignored_before && number < 16; number++)
			signal(number, SIG_IGN);
		signals_install(false);
		_exit(raise_and_ask(signals));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_which_signals_end_and_which_give_up(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int signals[4];
		bool ignored_before;
		int want;
	} cases[] = {
		{ "nothing", { 0 }, false, NO_STOP },
		{ "Ctrl-C", { SIGINT }, false, ENDED_WELL },
		{ "SIGTERM", { SIGTERM }, false, ENDED_WELL },
		{ "SIGHUP", { SIGHUP }, false, ENDED_WELL },
		{ "Ctrl-C in a background shell", { SIGINT }, true, ENDED_WELL },
		{ "SIGTERM that was ignored", { SIGTERM }, true, ENDED_WELL },
		{ "nohup", { SIGHUP }, true, NO_STOP },
		{ "Ctrl-C twice", { SIGINT, SIGINT }, false, CMD_FAILURE },
		{ "Ctrl-C after SIGTERM", { SIGTERM, SIGINT }, false, CMD_FAILURE },
		{ "a service manager's pair", { SIGTERM, SIGHUP, SIGTERM }, false, ENDED_WELL },
		{ "a closed terminal", { SIGHUP, SIGTERM, SIGHUP }, false, ENDED_WELL },
		{ "a reader that has gone", { SIGPIPE }, false, NO_STOP },
		{ "a file that is too large", { SIGXFSZ }, false, NO_STOP },
		{ "a child's end", { SIGCHLD }, false, NO_STOP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int got = status_after(cases[i].signals, cases[i].ignored_before);

		if (got != cases[i].want)
			fail_msg("%s: exit status %d, not %d", cases[i].name, got, cases[i].want);
	}
}

/* A wrapper that passes on the terminal's SIGINT makes two of one key. */
static void test_one_key_is_one_signal(void **state)
{
	(void)state;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		signals_install(false);
		raise(SIGINT);
		raise(SIGINT);
		_exit(signals_stop() ? ENDED_WELL : NO_STOP);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), ENDED_WELL);
}

static void test_waiting_is_interrupted(void **state)
{
	(void)state;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pid_t parent = getpid();

		signals_install(false);
		if (fork() == 0) {
			usleep(AGAIN_US);
			kill(parent, SIGTERM);
			_exit(0);
		}
		_exit(usleep(5000000) < 0 && signals_stop() ? ENDED_WELL : NOT_INTERRUPTED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), ENDED_WELL);
}

static void test_giving_up_removes_the_temporary_file(void **state)
{
	(void)state;
	char dir[] = "/tmp/cmd_signals_test.XXXXXX";
	struct output o = { .temp = "temp" };
	int status;

	assert_non_null(mkdtemp(dir));
	o.dir_fd = open(dir, O_PATH | O_DIRECTORY);
	close(openat(o.dir_fd, "temp", O_CREAT | O_WRONLY, 0600));
	pid_t pid = fork();
	if (pid == 0) {
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		signals_install(false);
		signals_guard(&o);
		_exit(raise_and_ask((const int[]){ SIGINT, SIGINT, 0 }));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), CMD_FAILURE);
	assert_int_equal(faccessat(o.dir_fd, "temp", F_OK, 0), -1);
	close(o.dir_fd);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_signals_end_and_which_give_up),
		cmocka_unit_test(test_one_key_is_one_signal),
		cmocka_unit_test(test_waiting_is_interrupted),
		cmocka_unit_test(test_giving_up_removes_the_temporary_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
