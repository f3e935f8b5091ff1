// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "proc/maps.h"

#define R PROC_MAPPING_READ
#define W PROC_MAPPING_WRITE
#define X PROC_MAPPING_EXEC
#define S PROC_MAPPING_SHARED
#define D PROC_MAPPING_DELETED

static int parse(struct proc_maps *m, const char *text, struct err *e)
{
	m->text.len = 0;
	assert_int_equal(buf_add(&m->text, text, strlen(text)), 0);
	return proc_maps_parse(m, e);
}

static void test_parses_every_kind_of_line(void **state)
{
	(void)state;
	static const struct {
		const char *name, *line;
		struct proc_mapping want;
	} cases[] = {
		{ "text",
		  "55d0-55e0 r-xp 00002000 fd:01 1234                       /usr/bin/a\n",
		  { 0x55d0, 0x55e0, 0x2000, 1234, 0xfd, 1, R | X, "/usr/bin/a" } },
		{ "no newline at the end",
		  "1-2 r--p 0 08:10 7 /a",
		  { 1, 2, 0, 7, 8, 0x10, R, "/a" } },
		{ "shared",
		  "1-2 rw-s 00000000 00:05 9   /dev/shm/x\n",
		  { 1, 2, 0, 9, 0, 5, R | W | S, "/dev/shm/x" } },
		{ "anonymous",
		  "7f00-7f01 ---p 00000000 00:00 0 \n",
		  { 0x7f00, 0x7f01, 0, 0, 0, 0, 0, "" } },
		{ "vdso",
		  "7f00-7f01 r-xp 00000000 00:00 0                          [vdso]\n",
		  { 0x7f00, 0x7f01, 0, 0, 0, 0, R | X, "[vdso]" } },
		{ "vsyscall",
		  "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0   [vsyscall]\n",
		  { 0xffffffffff600000, 0xffffffffff601000, 0, 0, 0, 0, X, "[vsyscall]" } },
		{ "deleted",
		  "1-2 r-xp 0 08:01 7 /usr/lib/libx.so (deleted)\n",
		  { 1, 2, 0, 7, 8, 1, R | X | D, "/usr/lib/libx.so" } },
		{ "memfd",
		  "1-2 r-xp 0 00:01 7 /memfd:jit code (deleted)\n",
		  { 1, 2, 0, 7, 0, 1, R | X | D, "/memfd:jit code" } },
		{ "SysV",
		  "1-2 rw-s 0 00:01 7 /SYSV00000000 (deleted)\n",
		  { 1, 2, 0, 7, 0, 1, R | W | S | D, "/SYSV00000000" } },
		{ "perf's anonymous",
		  "1-2 r-xp 0 00:00 0 //anon\n",
		  { 1, 2, 0, 0, 0, 0, R | X, "//anon" } },
		{ "named anonymous",
		  "1-2 rw-p 0 00:00 0 [anon:a b (deleted)]\n",
		  { 1, 2, 0, 0, 0, 0, R | W, "[anon:a b (deleted)]" } },
		{ "spaces",
		  "1-2 r--p 0 08:01 7 /a  b /c \n",
		  { 1, 2, 0, 7, 8, 1, R, "/a  b /c " } },
		{ "newlines",
		  "1-2 r--p 0 08:01 7 /a\\012b\\012\\012c\n",
		  { 1, 2, 0, 7, 8, 1, R, "/a\nb\n\nc" } },
		{ "other backslashes",
		  "1-2 r--p 0 08:01 7 /a\\01\\040\\\n",
		  { 1, 2, 0, 7, 8, 1, R, "/a\\01\\040\\" } },
		{ "only the suffix",
		  "1-2 r--p 0 08:01 7  (deleted)\n",
		  { 1, 2, 0, 7, 8, 1, R, "(deleted)" } },
		{ "64-bit inode",
		  "1-2 r--p ffffffffffffffff 08:01 18446744073709551615 /a\n",
		  { 1, 2, UINT64_MAX, UINT64_MAX, 8, 1, R, "/a" } },
	};
	struct proc_maps m = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct proc_mapping *want = &cases[i].want;
		struct err e = { 0 };

		if (parse(&m, cases[i].line, &e) < 0)
			fail_msg("%s: %s", cases[i].name, e.msg);
		assert_int_equal(m.mappings.len, 1);
		const struct proc_mapping *got = &m.mappings.items[0];
		if (got->start != want->start || got->end != want->end ||
		    got->pgoff != want->pgoff || got->inode != want->inode ||
		    got->dev_major != want->dev_major || got->dev_minor != want->dev_minor ||
		    got->flags != want->flags || strcmp(got->path, want->path) != 0)
			fail_msg("%s: wrong fields, path '%s'", cases[i].name, got->path);
	}
	proc_maps_deinit(&m);
}

static void test_refuses_damage(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"\n",
		"garbage\n",
		"1-2\n",
		"1-2 r-xp 0 08:01\n",
		"1-2 r-xp 0 08:01 7",
		"2-1 r-xp 0 08:01 7 /a\n",
		"2-2 r-xp 0 08:01 7 /a\n",
		"1-2 r-xq 0 08:01 7 /a\n",
		"1-2 r-xpp 0 08:01 7 /a\n",
		"1-2 x-xp 0 08:01 7 /a\n",
		"-2 r-xp 0 08:01 7 /a\n",
		"1-2 r-xp 0 08:01 7f /a\n",
		"1-10000000000000000 r-xp 0 08:01 7 /a\n",
		"1-2 r-xp 0 100000000:01 7 /a\n",
		"1-2 r-xp 0 08:01 7 /good\n1-2 r-x",
	};
	struct proc_maps m = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct err e = { 0 };

		if (parse(&m, lines[i], &e) != -EPROTO)
			fail_msg("accepted: %s", lines[i]);
		assert_int_equal(m.mappings.len, 0);
		assert_non_null(strstr(e.msg, "damaged"));
	}
	proc_maps_deinit(&m);
}

static void test_changes_during_the_read_leave_no_overlap(void **state)
{
	(void)state;
	struct proc_maps m = { 0 };
	struct err e = { 0 };

	assert_int_equal(parse(&m,
			       "1000-3000 r--p 0 08:01 7 /a\n"
			       "3000-4000 r--p 0 08:01 7 /b\n"
			       "2000-5000 r--p 0 08:01 7 /c\n"
			       "5000-6000 r--p 0 08:01 7 /d\n",
			       &e),
			 0);
	assert_int_equal(m.mappings.len, 3);
	assert_string_equal(proc_maps_find(&m, 0x1fff)->path, "/a");
	assert_string_equal(proc_maps_find(&m, 0x2000)->path, "/c");
	assert_string_equal(proc_maps_find(&m, 0x3800)->path, "/c");
	assert_string_equal(proc_maps_find(&m, 0x5000)->path, "/d");
	assert_null(proc_maps_find(&m, 0xfff));
	assert_null(proc_maps_find(&m, 0x6000));
	proc_maps_deinit(&m);
}

static void test_reads_ourselves(void **state)
{
	(void)state;
	struct proc_maps m = { 0 };
	struct err e = { 0 };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (int round = 0; round < 2; round++) {
		assert_int_equal(proc_maps_read(&m, getpid(), &e), 0);
		const struct proc_mapping *own =
			proc_maps_find(&m, (uintptr_t)test_reads_ourselves);
		assert_non_null(own);
		assert_int_equal(own->flags, R | X);
		assert_true(proc_mapping_is_file(own));
		assert_non_null(strstr(own->path, "proc_maps_test"));
	}
	void *shared = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(proc_maps_read(&m, getpid(), &e), 0);
	const struct proc_mapping *anonymous = proc_maps_find(&m, (uintptr_t)shared);
	assert_non_null(anonymous);
	assert_false(proc_mapping_is_file(anonymous));
	munmap(shared, page);
	proc_maps_deinit(&m);
}

static void *wait_for_byte(void *fd)
{
	char byte;

	if (read(*(int *)fd, &byte, 1) == 1)
		_exit(0);
	_exit(1);
}

/* A process whose main thread has ended shows its mappings only under its other threads. */
static void test_reads_a_process_without_main_thread(void **state)
{
	(void)state;
	struct proc_maps m = { 0 };
	struct err e = { 0 };
	int stop[2];

	assert_int_equal(pipe(stop), 0);
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, wait_for_byte, &stop[0]) != 0)
			_exit(1);
		pthread_exit(NULL);
	}
	char path[64], text[256] = "";
	for (int i = 0; i < 1000 && !strstr(text, ") Z"); i++) {
		usleep(1000);
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		FILE *f = fopen(path, "r");
		assert_non_null(f);
		assert_non_null(fgets(text, sizeof(text), f));
		fclose(f);
	}
	assert_int_equal(proc_maps_read(&m, pid, &e), 0);
	assert_non_null(proc_maps_find(&m, (uintptr_t)wait_for_byte));
	assert_int_equal(write(stop[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(proc_maps_read(&m, pid, &e), -ESRCH);
	assert_int_equal(m.mappings.len, 0);
	proc_maps_deinit(&m);
	close(stop[0]);
	close(stop[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parses_every_kind_of_line),
		cmocka_unit_test(test_refuses_damage),
		cmocka_unit_test(test_changes_during_the_read_leave_no_overlap),
		cmocka_unit_test(test_reads_ourselves),
		cmocka_unit_test(test_reads_a_process_without_main_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
