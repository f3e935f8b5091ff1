// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "collect/probe_cost.h"
#include "proc/tree.h"

/* A program that returns at once, or after running `work` instructions more. */
static int program_load(enum uprobe_kind kind, int work)
{
	struct bpf_insn insns[4096];
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type =
			    (enum bpf_attach_type)uprobe_expected_attach_type(kind));
	const struct bpf_insn mov = { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 };
	const struct bpf_insn call = { .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns };
	int n = 0;

	while (n < work)
		insns[n++] = call;
	insns[n++] = mov;
	insns[n++] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "cost", "GPL", insns, (size_t)n, &opts);
	assert_true(fd >= 0);
	return fd;
}

static double cost_ns(enum uprobe_kind kind, int work, bool is_return, bool is_stepped)
{
	_cleanup_close_ int fd = program_load(kind, work);
	const struct probe_cost_program program = { fd, kind, is_return };
	/* Costs do not mix: the one asked for is the last, behind others. */
	struct probe_cost costs[PROBE_COSTS_MAX] = { { .is_stepped = true } };
	struct uprobe_links links = { 0 };
	struct err e = { 0 };

	costs[PROBE_COSTS_MAX - 1] =
		(struct probe_cost){ .programs = &program, .n = 1, .is_stepped = is_stepped };
	int rc = probe_cost_measure(costs, PROBE_COSTS_MAX, &links, &e);
	assert_string_equal(e.msg, "");
	assert_int_equal(rc, 0);
	assert_int_equal(links.fds.len, 1);
	uprobe_detach(&links);
	for (size_t i = 0; i + 1 < PROBE_COSTS_MAX; i++)
		assert_true(costs[i].ns >= 0 && costs[i].ns < 50);
	return costs[PROBE_COSTS_MAX - 1].ns;
}

/* A trap costs more than 50 ns anywhere; what costs more is seen to. */
static void test_tells_costs_apart(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	for (enum uprobe_kind kind = uprobe_kind_best(); kind <= UPROBE_PERF; kind++) {
		double plain = cost_ns(kind, 0, false, false);
		double working = cost_ns(kind, 200, false, false);
		double stepped = cost_ns(kind, 0, false, true);

		print_message("%s: %.0f ns, stepped %.0f, with 200 clock reads %.0f\n",
			      uprobe_kind_name(kind), plain, stepped, working);
		assert_in_range((uint64_t)plain, 50, 100000);
		assert_true(working > plain * 1.5);
		if (kind != UPROBE_SESSION) {
			double returns = cost_ns(kind, 0, true, false);
			print_message("%s: return %.0f ns\n", uprobe_kind_name(kind), returns);
			assert_true(returns > plain);
		}
	}
}

/* A child that returns from a probed function, and may do nothing but end, ends well: on a kernel
 * that does not spare its own system call this tells that it must not be done to anyone. */
static void test_tells_whether_returns_kill(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	for (enum uprobe_kind kind = uprobe_kind_best(); kind <= UPROBE_PERF; kind++) {
		_cleanup_close_ int fd = uprobe_empty_program(kind);
		const struct probe_cost_program program = { fd, kind, kind != UPROBE_SESSION };
		struct probe_cost cost = { .programs = &program, .n = 1, .kills = true };
		struct uprobe_links links = { 0 };

		assert_true(fd >= 0);
		assert_int_equal(probe_cost_measure(&cost, 1, &links, NULL), 0);
		assert_false(cost.kills);
		assert_true(cost.ns > 50);
		uprobe_detach(&links);
	}
}

static size_t open_files(void)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(dir))
		n++;
	return n;
}

static void test_failure_leaves_nothing(void **state)
{
	(void)state;
	const struct probe_cost_program program = { .fd = -1, .kind = UPROBE_PERF };
	struct probe_cost cost = { .programs = &program, .n = 1 };
	struct uprobe_links links = { 0 };
	struct err e = { 0 };
	size_t files = open_files();

	assert_true(probe_cost_measure(&cost, 1, &links, &e) < 0);
	assert_string_not_equal(e.msg, "");
	assert_int_equal(links.fds.len, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(open_files(), files);
}

/* Killed in the middle of measuring: the child ends too. */
static void test_child_dies_with_us(void **state)
{
	(void)state;
	struct pid_list list = { 0 };
	pid_t pids[64];
	size_t seen = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct probe_cost cost = { .is_stepped = true };
		for (;;)
			probe_cost_measure(&cost, 1, &(struct uprobe_links){ 0 }, NULL);
	}
	uint64_t deadline = clock_mono_ns() + 10 * NS_PER_SEC;
	while (seen == 0 && clock_mono_ns() < deadline) {
		assert_int_equal(proc_descendants(&pid, 1, &list, NULL), 0);
		for (size_t i = 0; i < list.len && seen < ARRAY_SIZE(pids); i++)
			pids[seen++] = list.items[i];
	}
	assert_int_not_equal(seen, 0);
	kill(pid, SIGSTOP);
	assert_int_equal(proc_descendants(&pid, 1, &list, NULL), 0);
	for (size_t i = 0; i < list.len && seen < ARRAY_SIZE(pids); i++)
		pids[seen++] = list.items[i];
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (size_t i = 0; i < seen; i++) {
		while (kill(pids[i], 0) == 0 && clock_mono_ns() < deadline)
			usleep(1000);
		assert_int_equal(kill(pids[i], 0), -1);
	}
	vec_deinit(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tells_costs_apart),
		cmocka_unit_test(test_tells_whether_returns_kill),
		cmocka_unit_test(test_failure_leaves_nothing),
		cmocka_unit_test(test_child_dies_with_us),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
