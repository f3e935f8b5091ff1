// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The targets are this program itself, run again with "target" as its argument, and its functions
 * the places.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "collect/uprobe.h"
#include "proc/maps.h"

#define CALLS      1000
#define BREAKPOINT 0xcc

/* ---- The target -------------------------------------------------------------------------------
 */

__attribute__((noinline, noclone)) static int place_one(int x)
{
	__asm__ volatile("" ::: "memory");
	return x + 1;
}

__attribute__((noinline, noclone)) static int place_two(int x)
{
	__asm__ volatile("" ::: "memory");
	return x + 2;
}

static void *calls(void *unused)
{
	for (int i = 0; i < CALLS; i++)
		place_two(place_one(i));
	return unused;
}

/* CALLS from the main thread and as many from another one. */
static void work(void)
{
	pthread_t thread;

	calls(NULL);
	if (pthread_create(&thread, NULL, calls, NULL) != 0 || pthread_join(thread, NULL) != 0)
		abort();
}

/* Works when told by a byte, says when it is done. */
static int target_main(void)
{
	char byte = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (write(1, "x", 1) == 1 && read(0, &byte, 1) == 1)
		work();
	return 0;
}

static void *outlive(void *unused)
{
	pause();
	return unused;
}

static int zombie_main(void)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pthread_create(&thread, NULL, outlive, NULL) != 0)
		abort();
	pthread_exit(NULL);
}

struct target {
	pid_t pid;
	int to, from;
};

/* Of a file that is gone, in a mount namespace of its own. */
static void exec_hidden(void)
{
	char dir[] = "/tmp/collect-uprobe-XXXXXX", copy[64];

	if (!mkdtemp(dir) || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", dir, "tmpfs", 0, NULL) < 0)
		_exit(1);
	snprintf(copy, sizeof(copy), "%s/copy", dir);
	struct buf bytes = { 0 };
	int fd = open(copy, O_CREAT | O_WRONLY, 0755);
	if (file_read_all("/proc/self/exe", &bytes, NULL) < 0 ||
	    fd_write_all(fd, bytes.data, bytes.len, NULL) < 0)
		_exit(1);
	close(fd);
	fd = open(copy, O_PATH);
	unlink(copy);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	snprintf(copy, sizeof(copy), "/proc/self/fd/%d", fd);
	execl(copy, "copy", "target", NULL);
}

static void target_wait(struct target *t)
{
	char byte;

	assert_int_equal(read(t->from, &byte, 1), 1);
}

static void target_work(struct target *t)
{
	assert_int_equal(write(t->to, "x", 1), 1);
	target_wait(t);
}

static struct target target_start(bool is_hidden)
{
	int to[2], from[2];

	assert_int_equal(pipe2(to, O_CLOEXEC) | pipe2(from, O_CLOEXEC), 0);
	struct target t = { .pid = fork(), .to = to[1], .from = from[0] };
	if (t.pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		if (is_hidden)
			exec_hidden();
		else
			execl("/proc/self/exe", "copy", "target", NULL);
		_exit(1);
	}
	close(to[0]);
	close(from[1]);
	target_wait(&t);
	return t;
}

static void target_end(struct target *t)
{
	kill(t->pid, SIGKILL);
	waitpid(t->pid, NULL, 0);
	close(t->to);
	close(t->from);
}

/* ---- Programs that count ----------------------------------------------------------------------
 */

static int counter_map = -1;
static volatile uint64_t *counter; /* of runs */

static int counter_load(enum uprobe_kind kind, int returns)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE,
		  .imm = counter_map },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 1 },
		{ .code = BPF_STX | BPF_DW | BPF_ATOMIC,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_REG_2,
		  .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = returns },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type =
			    (enum bpf_attach_type)uprobe_expected_attach_type(kind));
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "counter", "GPL", insns, ARRAY_SIZE(insns),
			       &opts);

	assert_true(fd >= 0);
	return fd;
}

static int setup(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	(void)state;

	if (geteuid() != 0)
		return 0;
	signal(SIGPIPE, SIG_IGN);
	counter_map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "counter", 4, 8, 1, &opts);
	counter = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, counter_map, 0);
	return counter == MAP_FAILED ? -1 : 0;
}

static uint64_t place(int (*function)(int))
{
	struct proc_maps maps = { 0 };
	struct err e = { 0 };

	assert_int_equal(proc_maps_read(&maps, getpid(), &e), 0);
	const struct proc_mapping *m = proc_maps_find(&maps, (uintptr_t)function);
	uint64_t offset = (uintptr_t)function - m->start + m->pgoff;
	proc_maps_deinit(&maps);
	return offset;
}

static int exe_open(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	int fd = open(path, O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* The byte of a process's text at our place. */
static int text_byte(pid_t pid, uint64_t offset)
{
	struct proc_maps maps = { 0 };
	struct err e = { 0 };
	char path[64];
	uint8_t byte = 0;

	assert_int_equal(proc_maps_read(&maps, pid, &e), 0);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	vec_for_each(m, &maps.mappings) {
		if (m->flags & PROC_MAPPING_EXEC && m->inode && offset >= m->pgoff &&
		    offset - m->pgoff < m->end - m->start && strstr(m->path, ".so") == NULL)
			assert_int_equal(pread(fd, &byte, 1, (off_t)(m->start + offset - m->pgoff)),
					 1);
	}
	proc_maps_deinit(&maps);
	return byte;
}

/* ---- Tests ------------------------------------------------------------------------------------
 */

/* What a target's work adds to the counter, and that nothing is left behind. */
static uint64_t runs_of(enum uprobe_kind kind, int returns, bool is_return, bool is_hidden)
{
	struct target t = target_start(is_hidden), other = target_start(false);
	const uint64_t places[] = { place(place_one), place(place_two) };
	_cleanup_close_ int prog = counter_load(kind, returns);
	_cleanup_close_ int exe = exe_open(t.pid);
	struct uprobe_links links = { 0 };
	struct err e = { 0 };
	int text = text_byte(t.pid, places[0]);
	uint64_t before = *counter;

	assert_int_not_equal(text, BREAKPOINT);
	int rc = uprobe_attach(&links, kind, prog, is_return, t.pid, exe, places, 2, &e);
	assert_string_equal(e.msg, "");
	assert_int_equal(rc, 0);
	assert_int_equal(links.fds.len, kind == UPROBE_PERF ? 2 : 1);
	assert_int_equal(text_byte(t.pid, places[0]), BREAKPOINT);
	assert_int_equal(text_byte(other.pid, places[0]), text);
	target_work(&other);
	assert_int_equal(*counter, before);
	target_work(&t);
	uint64_t runs = *counter - before;
	uprobe_detach(&links);
	assert_int_equal(links.fds.len, 0);
	assert_int_equal(text_byte(t.pid, places[0]), text);
	target_work(&t);
	assert_int_equal(*counter - before, runs);
	target_end(&t);
	target_end(&other);
	return runs;
}

/* Two places, two threads. */
static void test_reaches_all_threads_of_one_process(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	for (enum uprobe_kind kind = uprobe_kind_best(); kind <= UPROBE_PERF; kind++) {
		int runs = kind == UPROBE_SESSION ? 2 : 1;
		assert_int_equal(runs_of(kind, 0, false, false), runs * 4 * CALLS);
		assert_int_equal(runs_of(kind, 0, false, true), runs * 4 * CALLS);
		if (kind == UPROBE_SESSION)
			assert_int_equal(runs_of(kind, 1, false, false), 4 * CALLS);
		else
			assert_int_equal(runs_of(kind, 0, true, false), 4 * CALLS);
	}
}

/* One place out of three is no place: nothing is attached, and what was attached before stays. */
static void test_attaches_all_or_nothing(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	for (enum uprobe_kind kind = uprobe_kind_best(); kind <= UPROBE_PERF; kind++) {
		struct target t = target_start(false);
		const uint64_t places[] = { place(place_two), place(place_one), 1ULL << 40 };
		_cleanup_close_ int prog = counter_load(kind, 0);
		_cleanup_close_ int exe = exe_open(t.pid);
		struct uprobe_links links = { 0 };
		struct err e = { 0 };
		int text = text_byte(t.pid, places[1]);

		assert_int_equal(
			uprobe_attach(&links, kind, prog, false, t.pid, exe, places, 1, &e), 0);
		assert_int_equal(
			uprobe_attach(&links, kind, prog, false, t.pid, exe, places + 1, 2, &e),
			-EINVAL);
		assert_non_null(strstr(e.msg, "collect_uprobe_test"));
		assert_int_equal(links.fds.len, 1);
		assert_int_equal(text_byte(t.pid, places[0]), BREAKPOINT);
		assert_int_equal(text_byte(t.pid, places[1]), text);
		assert_int_equal(
			uprobe_attach(&links, kind, prog, false, t.pid, exe, places, 0, &e), 0);
		assert_int_equal(links.fds.len, 1);
		uprobe_detach(&links);
		uprobe_detach(&links);
		target_end(&t);
	}
}

/* Beside, and while another one goes on. */
static void test_detaches_beside(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	for (enum uprobe_kind kind = uprobe_kind_best(); kind <= UPROBE_PERF; kind++) {
		struct target t = target_start(false);
		const uint64_t places[] = { place(place_one), place(place_two) };
		_cleanup_close_ int prog = counter_load(kind, 0);
		_cleanup_close_ int exe = exe_open(t.pid);
		struct uprobe_detaching d = { 0 };
		int text[2];

		uprobe_detach_finish(&d);
		for (int i = 0; i < 2; i++) {
			struct uprobe_links links = { 0 };

			text[i] = text_byte(t.pid, places[i]);
			assert_int_equal(uprobe_attach(&links, kind, prog, false, t.pid, exe,
						       &places[i], 1, NULL),
					 0);
			uprobe_detach_start(&d, &links);
			assert_int_equal(links.fds.len, 0);
		}
		uprobe_detach_finish(&d);
		for (int i = 0; i < 2; i++)
			assert_int_equal(text_byte(t.pid, places[i]), text[i]);
		target_end(&t);
	}
}

static void test_refuses_a_process_without_main_thread(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	enum uprobe_kind kind = uprobe_kind_best();
	_cleanup_close_ int prog = counter_load(kind, 0);
	_cleanup_close_ int exe = exe_open(getpid());
	const uint64_t offset = place(place_one);
	struct uprobe_links links = { 0 };
	struct err e = { 0 };
	pid_t pid = fork();

	if (pid == 0)
		_exit(zombie_main());
	while (uprobe_attach(&links, kind, prog, false, pid, exe, &offset, 1, &e) == 0) {
		uprobe_detach(&links);
		usleep(10000);
	}
	assert_int_equal(e.code, -ESRCH);
	assert_non_null(strstr(e.msg, "main thread"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(uprobe_attach(&links, kind, prog, false, pid, exe, &offset, 1, &e),
			 -ESRCH);
	assert_int_equal(links.fds.len, 0);
}

static void test_kinds_are_chosen_by_name(void **state)
{
	(void)state;
	static const char *const names[] = { "session", "multi", "perf" };
	enum uprobe_kind kind = UPROBE_SESSION, best = uprobe_kind_best();
	struct err e = { 0 };

	assert_int_equal(uprobe_kind_choose(NULL, &kind, &e), 0);
	assert_int_equal(kind, best);
	for (enum uprobe_kind i = UPROBE_SESSION; i <= UPROBE_PERF; i++) {
		int rc = uprobe_kind_choose(names[i], &kind, &e);

		assert_int_equal(rc, i < best ? -EOPNOTSUPP : 0);
		if (rc == 0)
			assert_int_equal(kind, i);
		else
			assert_non_null(strstr(e.msg, names[best]));
	}
	assert_int_equal(uprobe_kind_choose("sessions", &kind, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "'sessions' is no kind of probe"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_are_chosen_by_name),
		cmocka_unit_test(test_reaches_all_threads_of_one_process),
		cmocka_unit_test(test_attaches_all_or_nothing),
		cmocka_unit_test(test_detaches_beside),
		cmocka_unit_test(test_refuses_a_process_without_main_thread),
	};

	if (argc == 2 && strcmp(argv[1], "target") == 0)
		return target_main();
	return cmocka_run_group_tests(tests, setup, NULL);
}
