// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "proc/spawn.h"
#include "proc/status.h"

static char *const run_true[] = { "true", NULL };

static void test_runs_only_when_released(void **state)
{
	(void)state;
	struct spawn s;
	struct err e = { 0 };
	struct proc_status status;

	assert_int_equal(spawn_start((char *[]){ "sh", "-c", "exit 7", NULL }, &s, &e), 0);
	usleep(20000);
	assert_int_equal(spawn_poll(&s), 0);
	assert_int_equal(proc_status_read(s.pid, &status, &e), 0);
	assert_string_equal(status.comm, "proc_spawn_test");
	assert_int_equal(spawn_release(&s, &e), 0);
	assert_int_equal(spawn_wait(&s), 1);
	assert_int_equal(spawn_poll(&s), 1);
	assert_true(s.exited);
	char text[64];
	assert_string_equal(spawn_describe(s.status, text, sizeof(text)), "exited with status 7");
	pid_t pid = s.pid;
	assert_int_equal(proc_status_read(pid, &status, &e), 0);
	assert_true(proc_status_is_zombie(&status));
	spawn_deinit(&s);
	assert_int_equal(proc_status_read(pid, &status, &e), -ESRCH);
}

static void test_tells_death_by_signal(void **state)
{
	(void)state;
	struct spawn s;
	struct err e = { 0 };
	char text[64];

	assert_int_equal(spawn_start((char *[]){ "sh", "-c", "kill -9 $$", NULL }, &s, &e), 0);
	assert_int_equal(spawn_release(&s, &e), 0);
	assert_int_equal(spawn_wait(&s), 1);
	assert_string_equal(spawn_describe(s.status, text, sizeof(text)),
			    "was killed by signal 9 (Killed)");
	spawn_deinit(&s);
}

static void test_reports_a_failed_exec(void **state)
{
	(void)state;
	static const struct {
		char *command;
		int code;
	} cases[] = {
		{ "/nowhere/nothing", -ENOENT },
		{ "/etc/passwd", -EACCES },
		{ "/tmp", -EACCES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct spawn s;
		struct err e = { 0 };

		assert_int_equal(spawn_start((char *[]){ cases[i].command, NULL }, &s, &e), 0);
		assert_int_equal(spawn_release(&s, &e), cases[i].code);
		assert_true(s.exited);
		spawn_deinit(&s);
	}
}

static void test_never_runs_when_given_up(void **state)
{
	(void)state;
	struct spawn s;
	struct err e = { 0 };
	char path[] = "/tmp/proc_spawn_test.XXXXXX";

	close(mkstemp(path));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(spawn_start((char *[]){ "touch", path, NULL }, &s, &e), 0);
	pid_t pid = s.pid;
	spawn_deinit(&s);
	assert_int_equal(s.pid, 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(kill(pid, 0), -1);
	spawn_deinit(&s);
}

static void test_a_child_killed_before_its_exec(void **state)
{
	(void)state;
	struct spawn s;
	struct err e = { 0 };

	assert_int_equal(spawn_start(run_true, &s, &e), 0);
	kill(s.pid, SIGKILL);
	usleep(20000);
	assert_int_equal(spawn_release(&s, &e), -ECHILD);
	assert_true(s.exited);
	spawn_deinit(&s);
}

/* Ctrl-C must reach a command that runs in the foreground with us; nohup must keep its meaning. */
static void test_keeps_group_signals_and_descriptors(void **state)
{
	(void)state;
	struct spawn s;
	struct err e = { 0 };
	char script[512];

	signal(SIGHUP, SIG_IGN);
	int leaked = open("/dev/null", O_RDONLY | O_CLOEXEC);
	/*
	 * Field 5 of stat is the process group; bit 0 of SigIgn is SIGHUP. What is blocked is asked
	 * of grep itself: dash blocks signals while it waits.
	 */
	snprintf(script, sizeof(script),
		 "[ $(cut -d' ' -f5 /proc/$$/stat) = %d ] || exit 1\n"
		 "grep -q '^SigIgn:.*[13579bdf]$' /proc/$$/status || exit 2\n"
		 "grep -q '^SigBlk:\t0000000000000000$' /proc/self/status || exit 3\n"
		 "[ ! -e /proc/$$/fd/%d ] || exit 4\n",
		 getpgrp(), leaked);
	assert_int_equal(spawn_start((char *[]){ "sh", "-c", script, NULL }, &s, &e), 0);
	assert_int_equal(spawn_release(&s, &e), 0);
	assert_int_equal(spawn_wait(&s), 1);
	signal(SIGHUP, SIG_DFL);
	close(leaked);
	assert_int_equal(s.status, 0);
	spawn_deinit(&s);
}

static void test_finds_commands(void **state)
{
	(void)state;
	char dir[] = "/tmp/proc_spawn_test.XXXXXX";
	char plain[64], tool[64], path[256];
	struct err e = { 0 };

	assert_non_null(mkdtemp(dir));
	snprintf(plain, sizeof(plain), "%s/plain", dir);
	snprintf(tool, sizeof(tool), "%s/tool", dir);
	close(open(plain, O_CREAT | O_WRONLY, 0644));
	close(open(tool, O_CREAT | O_WRONLY, 0755));
	chmod(tool, 0755);
	snprintf(path, sizeof(path), "/nowhere:%s:/bin", dir);
	_cleanup_free_ char *old = strdup(getenv("PATH"));
	setenv("PATH", path, 1);

	const struct {
		const char *command, *want;
		int code;
		const char *message;
	} cases[] = {
		{ "tool", tool, 0, NULL },
		{ "sh", "/bin/sh", 0, NULL },
		{ tool, tool, 0, NULL },
		{ "plain", NULL, -EACCES, "found in PATH, but not executable" },
		{ plain, NULL, -EACCES, "Permission denied" },
		{ dir, NULL, -EACCES, "Permission denied" },
		{ "no-such-command", NULL, -ENOENT,
		  "cannot start 'no-such-command': no such command in PATH" },
		{ "", NULL, -ENOENT, "cannot start ''" },
		{ "./nothing", NULL, -ENOENT, "No such file" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *found = NULL;

		if (spawn_find(cases[i].command, &found, &e) != cases[i].code)
			fail_msg("%s: %s", cases[i].command, e.msg);
		if (cases[i].want)
			assert_string_equal(found, cases[i].want);
		else if (!strstr(e.msg, cases[i].message))
			fail_msg("%s: %s", cases[i].command, e.msg);
	}
	setenv("PATH", old, 1);
	unlink(plain);
	unlink(tool);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_only_when_released),
		cmocka_unit_test(test_tells_death_by_signal),
		cmocka_unit_test(test_reports_a_failed_exec),
		cmocka_unit_test(test_never_runs_when_given_up),
		cmocka_unit_test(test_a_child_killed_before_its_exec),
		cmocka_unit_test(test_keeps_group_signals_and_descriptors),
		cmocka_unit_test(test_finds_commands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
