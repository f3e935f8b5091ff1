// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
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
#include "base/clock.h"
#include "base/fd.h"
#include "cmd/gate_child.h"
#include "cmd/gate_same.h"
#include "cmd/signals.h"

static void read_all(FILE *file, struct buf *to)
{
	rewind(file);
	assert_int_equal(fd_read_all(fileno(file), to, NULL), 0);
}

static void test_runs_to_the_end(void **state)
{
	(void)state;
	static const struct {
		const char *command, *out, *err;
		int status; /* as waitpid(2) gives it */
	} cases[] = {
		{ "echo one two", "one two\n", "", 0 },
		{ "  echo   one  ", "one\n", "", 0 },
		{ "echo $((1 + 2)); echo err >&2; exit 3", "3\n", "err\n", W_EXITCODE(3, 0) },
		{ "A=5 env | grep ^A=", "A=5\n", "", 0 },
		{ "exit 4", "", "", W_EXITCODE(4, 0) },
		{ "cat", "", "", 0 },
		{ "kill -9 $$", "", "", SIGKILL },
		/* What signals_install() ignores is normal for commands. */
		{ "kill -PIPE $$", "", "", SIGPIPE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gate_child_options o = { .command = cases[i].command };
		struct gate_child c;
		struct err e = { 0 };
		struct buf out = { 0 }, err = { 0 };

		assert_int_equal(gate_child_run(&o, &c, &e), 0);
		assert_int_equal(c.status, cases[i].status);
		read_all(c.out, &out);
		read_all(c.err, &err);
		assert_string_equal(out.data ? out.data : "", cases[i].out);
		assert_string_equal(err.data ? err.data : "", cases[i].err);
		assert_null(c.profile);
		assert_int_equal(c.left, 0);
		gate_child_deinit(&c);
		buf_deinit(&out);
		buf_deinit(&err);
	}
}

/* A shell is seen by the variable that it adds. */
static void test_a_plain_command_needs_no_shell(void **state)
{
	(void)state;
	static const struct {
		const char *command;
		bool shell;
	} cases[] = { { "env", false }, { "/usr/bin/env", false }, { "env | cat", true } };

	unsetenv("PWD");
	unsetenv("OLDPWD");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gate_child_options o = { .command = cases[i].command };
		struct gate_child c;
		struct buf out = { 0 };

		assert_int_equal(gate_child_run(&o, &c, NULL), 0);
		read_all(c.out, &out);
		assert_non_null(out.data);
		assert_int_equal(strstr(out.data, "PWD=") != NULL, cases[i].shell);
		gate_child_deinit(&c);
		buf_deinit(&out);
	}
}

static void test_measures_cpu_time_of_descendants(void **state)
{
	(void)state;
	struct gate_child_options o = {
		.command = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; sleep 0.2"
	};
	struct gate_child c;

	assert_int_equal(gate_child_run(&o, &c, NULL), 0);
	assert_true(c.cpu_seconds > 0.02);
	assert_true((double)c.duration_ns / 1e9 > 0.2);
	assert_true(c.cpu_seconds < (double)c.duration_ns / 1e9);
	gate_child_deinit(&c);
}

static void test_ends_what_a_command_leaves_behind(void **state)
{
	(void)state;
	struct gate_child_options o = { .command = "sleep 1000 & sleep 1000 & exit 0" };
	struct gate_child c;
	uint64_t start_ns = clock_mono_ns();

	assert_int_equal(gate_child_run(&o, &c, NULL), 0);
	assert_int_equal(c.left, 2);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_in_range(clock_mono_ns() - start_ns, 0, 5 * NS_PER_SEC);
	gate_child_deinit(&c);
}

static void test_kills_at_the_deadline(void **state)
{
	(void)state;
	/* One that does not listen, and a child of it. */
	static const char *const commands[] = { "sleep 1000",
						"trap '' TERM; sleep 1000; sleep 1000" };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		uint64_t start_ns = clock_mono_ns();
		struct gate_child_options o = { .command = commands[i],
						.deadline_ns = start_ns + NS_PER_SEC / 10 };
		struct gate_child c;
		struct err e = { 0 };

		assert_int_equal(gate_child_run(&o, &c, &e), -ETIMEDOUT);
		assert_string_equal(e.msg, "the time limit has passed");
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		assert_in_range(clock_mono_ns() - start_ns, NS_PER_SEC / 10, 8 * NS_PER_SEC);
		gate_child_deinit(&c);
	}
}

static void test_pins(void **state)
{
	(void)state;
	cpu_set_t ours, one;
	struct gate_child_options o = { .command = "nproc", .cpus = &one };
	struct gate_child c;
	struct buf out = { 0 };
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(ours), &ours), 0);
	while (!CPU_ISSET(cpu, &ours))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(gate_child_run(&o, &c, NULL), 0);
	read_all(c.out, &out);
	assert_string_equal(out.data, "1\n");
	gate_child_deinit(&c);
	buf_deinit(&out);

	struct err e = { 0 };
	CPU_ZERO(&one);
	CPU_SET(CPU_SETSIZE - 1, &one);
	assert_int_equal(gate_child_run(&o, &c, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "cannot pin 'nproc'"));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	gate_child_deinit(&c);
}

static void test_says_of_a_failure_how_it_ended(void **state)
{
	(void)state;
	struct gate_child_options o = { .command = "exit 7" };
	struct gate_child c;
	struct err e = { 0 };

	assert_int_equal(gate_child_run(&o, &c, NULL), 0);
	assert_int_equal(gate_child_failed(&c, "base", o.command, &e), -ECHILD);
	assert_string_equal(e.msg, "the base command failed: 'exit 7' exited with status 7");
	gate_child_deinit(&c);
}

static void test_same_output(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		size_t line; /* 0: the same */
		const char *first, *second;
	} cases[] = {
		{ "", "", 0, "", "" },
		{ "a\nb\n", "a\nb\n", 0, "", "" },
		{ "a\nb\n", "a\nc\n", 2, "b", "c" },
		{ "a\nb\n", "a\n", 2, "b", "" },
		{ "", "x", 1, "", "x" },
		{ "a\n", "a", 1, "a", "a" },
		{ "one\ntwo and three\n", "one\ntwo and four\n", 2, "two and three",
		  "two and four" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf a = { 0 }, b = { 0 };
		struct gate_difference d;

		buf_printf(&a, "%s", cases[i].a);
		buf_printf(&b, "%s", cases[i].b);
		assert_int_equal(gate_same(&a, &b, &d), cases[i].line == 0);
		if (cases[i].line) {
			assert_int_equal(d.line, cases[i].line);
			assert_string_equal(d.first, cases[i].first);
			assert_string_equal(d.second, cases[i].second);
		}
		buf_deinit(&a);
		buf_deinit(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_to_the_end),
		cmocka_unit_test(test_a_plain_command_needs_no_shell),
		cmocka_unit_test(test_measures_cpu_time_of_descendants),
		cmocka_unit_test(test_ends_what_a_command_leaves_behind),
		cmocka_unit_test(test_kills_at_the_deadline),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_says_of_a_failure_how_it_ended),
		cmocka_unit_test(test_same_output),
	};
	signals_install(false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
