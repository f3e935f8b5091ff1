// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cmd/gate_work.h"

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void file_create(char path[32], const char *text)
{
	strcpy(path, "/tmp/cprofbpf-unit-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	write_file(path, text);
}

static void test_nothing_is_said(void **state)
{
	(void)state;
	struct gate_options o = { 0 };
	struct gate_work w;
	double work = -1;

	assert_int_equal(gate_work_init(&w, &o, NULL), 0);
	assert_int_equal(gate_work_of_profile(&w, GATE_NEW, "a", &work, NULL), 0);
	assert_true(work == 0);
	gate_work_expect(&w);
	work = -1;
	assert_int_equal(gate_work_of_run(&w, GATE_BASE, &work, NULL), 0);
	assert_true(work == 0);
	gate_work_deinit(&w);
}

static void test_said_of_all_runs(void **state)
{
	(void)state;
	struct gate_options o = { .per = { 100, 200 } };
	struct gate_work w;
	double work;

	assert_int_equal(gate_work_init(&w, &o, NULL), 0);
	assert_int_equal(gate_work_of_profile(&w, GATE_BASE, "a", &work, NULL), 0);
	assert_true(work == 100);
	assert_int_equal(gate_work_of_run(&w, GATE_NEW, &work, NULL), 0);
	assert_true(work == 200);
	gate_work_deinit(&w);
}

static void test_told_of_profiles(void **state)
{
	(void)state;
	static const struct {
		const char *text, *profile;
		double work; /* 0: -EINVAL, and the message has this */
		const char *message;
	} cases[] = {
		{ "a.pb.gz 5\n", "a.pb.gz", 5, "" },
		{ "a.pb.gz 5\n", "dir/a.pb.gz", 5, "" },
		{ "x 1\ndir/a 2.5e3 \nb 3", "dir/a", 2500, "" },
		{ "x 1\ndir/a 2\nb 3", "b", 3, "" },
		{ "my run.pb 7\r\n", "my run.pb", 7, "" },
		{ "a\t4\n", "a", 4, "" },
		{ "dir/a 2\n", "other/a", 0, "has no line \"other/a NUMBER\"" },
		{ "aa 2\n", "a", 0, "has no line" },
		{ "", "a", 0, "has no line" },
		{ "5\n", "5", 0, "has no line" },
		{ "a 0\n", "a", 0, "no number above 0 of 'a': '0'" },
		{ "a -1\n", "a", 0, "no number above 0" },
		{ "a inf\n", "a", 0, "no number above 0" },
		{ "a 5x\n", "a", 0, "no number above 0 of 'a': '5x'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[32];
		struct gate_options o = { .per_file = path };
		struct gate_work w;
		struct err e = { 0 };
		double work = 0;

		file_create(path, cases[i].text);
		assert_int_equal(gate_work_init(&w, &o, &e), 0);
		assert_int_equal(gate_work_of_profile(&w, GATE_BASE, cases[i].profile, &work, &e),
				 cases[i].work > 0 ? 0 : -EINVAL);
		assert_true(cases[i].work == 0 || work == cases[i].work);
		if (!strstr(e.msg, cases[i].message))
			fail_msg("'%s' does not say '%s'", e.msg, cases[i].message);
		gate_work_deinit(&w);
		assert_int_equal(unlink(path), 0);
	}
	struct gate_options o = { .per_file = "/nowhere/work" };
	struct gate_work w;
	struct err e = { 0 };

	assert_int_equal(gate_work_init(&w, &o, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "'--per-file'"));
	gate_work_deinit(&w);
}

/* What an earlier run wrote is not taken for this one's. */
static void test_written_by_runs(void **state)
{
	(void)state;
	static const struct {
		const char *text; /* NULL: the run writes nothing */
		double work;      /* 0: -EINVAL, and the message has this */
		const char *message;
	} cases[] = {
		{ "12\n", 12, "" },
		{ " 0.5 ", 0.5, "" },
		{ "", 0, "the new command wrote ''" },
		{ "many\nx", 0, "the new command wrote 'many' to" },
		{ "12 13", 0, "no number above 0" },
		{ NULL, 0, "it is as it was before the run" },
	};
	char path[32];
	struct gate_options o = { .per_file = path, .commands = { "a", "b" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct timespec past[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
		struct gate_work w;
		struct err e = { 0 };
		double work = 0;

		file_create(path, "99\n");
		assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
		assert_int_equal(gate_work_init(&w, &o, &e), 0);
		gate_work_expect(&w);
		if (cases[i].text)
			write_file(path, cases[i].text);
		assert_int_equal(gate_work_of_run(&w, GATE_NEW, &work, &e),
				 cases[i].work > 0 ? 0 : -EINVAL);
		assert_true(cases[i].work == 0 || work == cases[i].work);
		if (!strstr(e.msg, cases[i].message))
			fail_msg("'%s' does not say '%s'", e.msg, cases[i].message);
		assert_int_equal(unlink(path), 0);
		gate_work_expect(&w);
		assert_int_equal(gate_work_of_run(&w, GATE_BASE, &work, &e), -EINVAL);
		assert_non_null(strstr(e.msg, "the base command did not write"));
		gate_work_deinit(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_said),
		cmocka_unit_test(test_said_of_all_runs),
		cmocka_unit_test(test_told_of_profiles),
		cmocka_unit_test(test_written_by_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
