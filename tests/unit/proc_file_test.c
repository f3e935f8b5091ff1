// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proc/file.h"

static char dir[] = "/tmp/proc_file_test.XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[2][512];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Map a page of a file and find that mapping in our own list. */
static void *map_file(const char *path, struct proc_maps *maps, struct proc_mapping *ret)
{
	struct err e = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	void *addr = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(addr, MAP_FAILED);
	close(fd);
	assert_int_equal(proc_maps_read(maps, getpid(), &e), 0);
	const struct proc_mapping *found = proc_maps_find(maps, (uintptr_t)addr);
	assert_non_null(found);
	*ret = *found;
	return addr;
}

static void assert_opens(pid_t pid, const struct proc_mapping *m, const char *want)
{
	struct err e = { 0 };
	char got[64] = "";
	int fd = -1;

	if (proc_file_open(pid, m, &fd, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(read(fd, got, sizeof(got) - 1) >= 0);
	assert_string_equal(got, want);
	close(fd);
}

static void assert_refuses(pid_t pid, const struct proc_mapping *m, int code)
{
	struct err e = { 0 };
	int fd = -7;

	assert_int_equal(proc_file_open(pid, m, &fd, &e), code);
	assert_int_equal(fd, -7);
	assert_true(e.msg[0] != '\0');
}

static void test_opens_what_is_mapped(void **state)
{
	(void)state;
	struct proc_maps maps = { 0 };
	struct proc_mapping m;

	write_file(in_dir("plain"), "first");
	void *addr = map_file(in_dir("plain"), &maps, &m);
	assert_opens(getpid(), &m, "first");
	munmap(addr, 4096);
	/* No mapping there any more: by its path. */
	assert_opens(getpid(), &m, "first");
	/* A process that has ended: by its path under our root. */
	assert_opens(0x3fffff, &m, "first");
	proc_maps_deinit(&maps);
}

static void test_opens_deleted_files_while_they_are_mapped(void **state)
{
	(void)state;
	struct proc_maps maps = { 0 };
	struct proc_mapping m;

	write_file(in_dir("deleted"), "old");
	void *addr = map_file(in_dir("deleted"), &maps, &m);
	unlink(in_dir("deleted"));
	assert_opens(getpid(), &m, "old");
	write_file(in_dir("deleted"), "new");
	assert_opens(getpid(), &m, "old");
	munmap(addr, 4096);
	assert_refuses(getpid(), &m, -ESTALE);
	unlink(in_dir("deleted"));
	assert_refuses(getpid(), &m, -ENOENT);
	proc_maps_deinit(&maps);
}

static void test_refuses_what_is_no_file(void **state)
{
	(void)state;
	struct stat st;
	struct proc_mapping m = { .start = 0x1000, .end = 0x2000, .path = "[vdso]" };

	assert_refuses(getpid(), &m, -ENOENT);
	m.path = "";
	assert_refuses(getpid(), &m, -ENOENT);

	/* A FIFO at the path must not block us; a device must not be touched. */
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(stat(in_dir("fifo"), &st), 0);
	m.path = in_dir("fifo");
	m.inode = st.st_ino;
	assert_refuses(getpid(), &m, -EINVAL);
	m.path = "/dev/null";
	assert_refuses(getpid(), &m, -EINVAL);
}

/* A process in a chroot: its path is found under its root, and no link leads out of it. */
static void test_opens_below_the_root_of_the_process(void **state)
{
	(void)state;
	struct stat st;
	int ready[2], stop[2];
	char byte;

	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(stop), 0);
	assert_int_equal(mkdir(in_dir("jail"), 0755), 0);
	write_file(in_dir("jail/inside"), "inside");
	write_file(in_dir("outside"), "outside");
	assert_int_equal(symlink("/inside", in_dir("jail/link")), 0);
	assert_int_equal(symlink("../outside", in_dir("jail/escape")), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(stop[1]);
		if (chroot(in_dir("jail")) < 0 || write(ready[1], "r", 1) != 1 ||
		    read(stop[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);

	assert_int_equal(stat(in_dir("jail/inside"), &st), 0);
	struct proc_mapping m = { .start = 0x1000,
				  .end = 0x2000,
				  .inode = st.st_ino,
				  .dev_major = major(st.st_dev),
				  .dev_minor = minor(st.st_dev),
				  .path = "/inside" };
	assert_opens(pid, &m, "inside");
	m.path = "/link";
	assert_opens(pid, &m, "inside");
	assert_int_equal(stat(in_dir("outside"), &st), 0);
	m.inode = st.st_ino;
	m.path = "/escape";
	assert_refuses(pid, &m, -ENOENT);

	close(stop[1]);
	waitpid(pid, NULL, 0);
	close(stop[0]);
	close(ready[0]);
	close(ready[1]);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	static const char *const names[] = { "plain",       "fifo",      "deleted",
					     "jail/inside", "jail/link", "jail/escape",
					     "jail",        "outside",   "" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		remove(in_dir(names[i]));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_what_is_mapped),
		cmocka_unit_test(test_opens_deleted_files_while_they_are_mapped),
		cmocka_unit_test(test_refuses_what_is_no_file),
		cmocka_unit_test(test_opens_below_the_root_of_the_process),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
