// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "proc/smaps.h"

#define MIB (1u << 20)

static int parse(const char *text, struct proc_smaps *sum, struct err *e)
{
	struct buf b = { 0 };

	assert_int_equal(buf_add(&b, text, strlen(text)), 0);
	int rc = proc_smaps_parse(&b, sum, e);
	buf_deinit(&b);
	return rc;
}

static void test_kinds(void **state)
{
	(void)state;
#define HELD(rss, anonymous)                                                                       \
	"Size:  4000 kB\nRss:    " #rss " kB\nPss:   1 kB\nAnonymous:  " #anonymous                \
	" kB\nVmFlags: rd wr mr \n"
#define GUARD "7f0000100000-7f0000101000 ---p 0 00:00 0 \n" HELD(0, 0)
	static const struct {
		const char *name, *text;
		struct proc_smaps want; /* in KiB */
	} cases[] = {
		{ "nothing", "", { 0 } },
		{ "a heap", "1000-9000 rw-p 0 00:00 0    [heap]\n" HELD(8, 8), { .anonymous = 8 } },
		{ "a file, some pages of it written to",
		  "1000-9000 rw-p 0 08:01 7    /usr/lib/a\n" HELD(12, 4),
		  { .anonymous = 4, .file = 8 } },
		{ "a file that is shared",
		  "1000-9000 rw-s 0 08:01 7    /data/a.db\n" HELD(12, 0),
		  { .file = 12 } },
		{ "the kernel's own",
		  "1000-9000 r-xp 0 00:00 0  [vdso]\n" HELD(4, 0),
		  { .file = 4 } },
		{ "shared memory",
		  "1000-2000 rw-s 0 00:01 7    /memfd:a (deleted)\n" HELD(
			  1, 0) "2000-3000 rw-s 0 00:01 7    /SYSV00000000 "
				"(deleted)\n" HELD(2, 0) "3000-4000 rw-s 0 00:01 7    "
							 "/dev/zero (deleted)\n" HELD(
								 4, 0) "4000"
								       "-500"
								       "0 "
								       "rw-"
								       "s 0 "
								       "00:"
								       "01 "
								       "7   "
								       " /"
								       "dev/"
								       "shm/"
								       "a"
								       "\n" HELD(8, 0),
		  { .shared = 15 } },
		{ "the main thread's stack",
		  "7ffc0000-7ffd0000 rw-p 0 00:00 0   [stack]\n" HELD(20, 20),
		  { .stacks = 20 } },
		{ "a thread's stack",
		  GUARD "7f0000101000-7f0000901000 rw-p 0 00:00 0 \n" HELD(16, 16),
		  { .stacks = 16 } },
		{ "a stack by name",
		  "1000-9000 rw-p 0 00:00 0  [anon: glibc: pthread stack: 71]\n" HELD(4, 4),
		  { .stacks = 4 } },
		{ "a guard elsewhere",
		  GUARD "7f0000102000-7f0000902000 rw-p 0 00:00 0 \n" HELD(16, 16),
		  { .anonymous = 16 } },
		{ "memory that is reserved, no guard",
		  "7f0000000000-7f0000101000 ---p 0 00:00 0 \n" HELD(
			  0, 0) "7f0000101000-7f0000901000 rw-p 0 00:00 0 \n" HELD(16, 16),
		  { .anonymous = 16 } },
		{ "an arena above another that is nearly full",
		  "7f0003fff000-7f0004000000 ---p 0 00:00 0 \n" HELD(
			  0, 0) "7f0004000000-7f0004900000 rw-p 0 00:00 0 \n" HELD(16, 16),
		  { .anonymous = 16 } },
		{ "a file above a guard",
		  GUARD "7f0000101000-7f0000901000 rw-p 0 08:01 7 /a\n" HELD(16, 4),
		  { .anonymous = 4, .file = 12 } },
		{ "code above a guard",
		  GUARD "7f0000101000-7f0000901000 r-xp 0 00:00 0 \n" HELD(16, 16),
		  { .anonymous = 16 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct proc_smaps *want = &cases[i].want;
		struct proc_smaps got = { .anonymous = 1024, .shared = 2048 };
		struct err e = { 0 };

		if (parse(cases[i].text, &got, &e) < 0)
			fail_msg("%s: %s", cases[i].name, e.msg);
		if (got.anonymous != 1024 * (1 + want->anonymous) ||
		    got.stacks != 1024 * want->stacks || got.file != 1024 * want->file ||
		    got.shared != 1024 * (2 + want->shared))
			fail_msg("%s: anonymous %lu, stacks %lu, file %lu, shared %lu",
				 cases[i].name, got.anonymous, got.stacks, got.file, got.shared);
	}
}

static void test_refuses_damage(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"\n",
		"Rss: 4 kB\n",
		"1000-2000 rw-p 0 00:00\n",
		"1000-2000 rw-p 0 00:00 0 \nRss: 4\n",
		"1000-2000 rw-p 0 00:00 0 \nRss: 4 MB\n",
		"1000-2000 rw-p 0 00:00 0 \nRss: -4 kB\n",
		"1000-2000 rw-p 0 00:00 0 \nRss: kB\n",
		"1000-2000 rw-p 0 00:00 0 \nRss: 999999999999999 kB\n",
		"1000-2000 rw-p 0 00:00 0 \nRss: 4 kB\nAnonymous: 8 kB\n",
		"1000-2000 rw-p 0 00:00 0 \nRss: 4 kB\n2000-3000 rw",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct proc_smaps sum = { .file = 7 };
		struct err e = { 0 };

		if (parse(texts[i], &sum, &e) != -EPROTO)
			fail_msg("accepted: %s", texts[i]);
		assert_int_equal(proc_smaps_rss(&sum), 7);
		assert_non_null(strstr(e.msg, "damaged"));
	}
}

/* ---- A process that takes some of each kind ----------------------------------------------------
 */

static void touch(void *memory, size_t size)
{
	for (size_t i = 0; i < size; i += 4096)
		((volatile char *)memory)[i]++;
}

static void *thread(void *ready)
{
	char stack[2 * MIB];

	touch(stack, sizeof(stack));
	if (write(*(int *)ready, "x", 1) == 1)
		pause();
	return NULL;
}

static void hold_some(int ready)
{
	pthread_t id;
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	void *anonymous =
		mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *shared =
		mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (file < 0 || anonymous == MAP_FAILED || shared == MAP_FAILED)
		_exit(1);
	touch(anonymous, 64 * MIB);
	touch(shared, 4 * MIB);
	if (pthread_create(&id, NULL, thread, &ready) != 0)
		_exit(1);
	for (;;)
		pause();
}

static uint64_t rollup_rss(pid_t pid)
{
	char path[64], line[256];
	unsigned long kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	_cleanup_fclose_ FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) && sscanf(line, "Rss: %lu kB", &kib) != 1)
		;
	return kib * 1024;
}

/* What the process had before comes on top: a sanitizer's memory, say. */
static bool near(uint64_t bytes, uint64_t want)
{
	return bytes >= want && bytes < want + want / 4;
}

static void test_adds_up_to_rss(void **state)
{
	(void)state;
	struct proc_smaps now = { 0 };
	struct err e = { 0 };
	char byte;
	int ready[2];

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0)
		hold_some(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(proc_smaps_add(&now, pid, &e), 0);
	uint64_t rss = rollup_rss(pid);

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(proc_smaps_rss(&now), rss);
	assert_true(now.file > 0);
	if (!near(now.anonymous, 64 * MIB) || !near(now.stacks, 2 * MIB) ||
	    !near(now.shared, 4 * MIB))
		fail_msg("anonymous %lu, stacks %lu, shared %lu", now.anonymous, now.stacks,
			 now.shared);
	close(ready[0]);
	close(ready[1]);
}

static void test_no_process(void **state)
{
	(void)state;
	struct proc_smaps sum = { .file = 7 };
	struct err e = { 0 };
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_smaps_add(&sum, pid, &e), 0); /* a zombie has nothing */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(proc_smaps_add(&sum, pid, &e), -ESRCH);
	assert_int_equal(proc_smaps_rss(&sum), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_refuses_damage),
		cmocka_unit_test(test_adds_up_to_rss),
		cmocka_unit_test(test_no_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
