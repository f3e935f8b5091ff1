// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "proc/privilege.h"

#define CAP(name) (1ULL << CAP_##name)
#define NEW       PRIVILEGE_KERNEL(6, 1)
#define OLD       PRIVILEGE_KERNEL(5, 4)

typedef int explain_fn(const struct privilege *p, int code, struct err *e);

static int explain_check(const struct privilege *p, int code, struct err *e)
{
	(void)code;
	return privilege_check(p, e);
}

static int explain_symbols(const struct privilege *p, int code, struct err *e)
{
	(void)code;
	return privilege_kernel_symbols(p, e) ? 0 : e->code;
}

static int explain_process(const struct privilege *p, int code, struct err *e)
{
	return privilege_explain_process(p, 7, code, e);
}

static void test_each_obstacle_has_its_message(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		explain_fn *explain;
		int code;
		struct privilege p;
		int want_code;
		const char *want;
	} cases[] = {
		{ "all is well",
		  explain_check,
		  0,
		  { .caps = CAP(BPF) | CAP(PERFMON), .kernel = NEW, .btf = true },
		  0,
		  "" },
		{ "the old capability serves",
		  explain_check,
		  0,
		  { .caps = CAP(SYS_ADMIN), .kernel = OLD, .btf = true },
		  0,
		  "" },
		{ "a plain user",
		  explain_check,
		  0,
		  { .kernel = NEW, .perf_event_paranoid = 2, .btf = true },
		  -EPERM,
		  "no permission to profile: CAP_BPF and CAP_PERFMON are missing (and "
		  "kernel.perf_event_paranoid is 2); run with sudo" },
		{ "root of a user namespace",
		  explain_check,
		  0,
		  { .caps = ~0ULL,
		    .kernel = NEW,
		    .root = true,
		    .user_namespace = true,
		    .btf = true },
		  -EPERM,
		  "no permission to profile: in a user namespace (of a rootless container) "
		  "capabilities do not reach the kernel's BPF; run as root outside of it" },
		{ "half of them",
		  explain_check,
		  0,
		  { .caps = CAP(BPF), .kernel = NEW, .perf_event_paranoid = 3, .btf = true },
		  -EPERM,
		  "no permission to profile: CAP_PERFMON is missing (and "
		  "kernel.perf_event_paranoid is 3); run with sudo" },
		{ "the other half",
		  explain_check,
		  0,
		  { .caps = CAP(PERFMON), .kernel = NEW, .btf = true },
		  -EPERM,
		  "no permission to profile: CAP_BPF is missing; run with sudo" },
		{ "a user of an old kernel",
		  explain_check,
		  0,
		  { .kernel = OLD, .btf = true },
		  -EPERM,
		  "no permission to profile: CAP_SYS_ADMIN is missing; run with sudo" },
		{ "root in a container",
		  explain_check,
		  0,
		  { .caps = CAP(SYSLOG), .kernel = NEW, .root = true, .btf = true },
		  -EPERM,
		  "docker run --cap-add" },
		{ "no BTF",
		  explain_check,
		  0,
		  { .caps = CAP(SYS_ADMIN), .kernel = NEW },
		  -EOPNOTSUPP,
		  "no BTF" },
		{ "bpf without capabilities",
		  privilege_explain_bpf,
		  -EPERM,
		  { .kernel = NEW },
		  -EPERM,
		  "CAP_BPF and CAP_PERFMON are missing" },
		{ "lockdown",
		  privilege_explain_bpf,
		  -EPERM,
		  { .caps = CAP(SYS_ADMIN), .kernel = NEW, .lockdown = true },
		  -EPERM,
		  "lockdown=confidentiality" },
		{ "locked memory",
		  privilege_explain_bpf,
		  -EPERM,
		  { .caps = CAP(SYS_ADMIN), .kernel = PRIVILEGE_KERNEL(5, 10), .memlock = 65536 },
		  -EPERM,
		  "the limit is 64 KiB; needs CAP_SYS_RESOURCE" },
		{ "locked memory does not matter any more",
		  privilege_explain_bpf,
		  -EPERM,
		  { .caps = CAP(SYS_ADMIN), .kernel = PRIVILEGE_KERNEL(5, 11), .memlock = 65536 },
		  -EPERM,
		  "seccomp" },
		{ "no BPF",
		  privilege_explain_bpf,
		  -ENOSYS,
		  { .kernel = NEW },
		  -ENOSYS,
		  "CONFIG_BPF_SYSCALL" },
		{ "too old",
		  privilege_explain_bpf,
		  -EINVAL,
		  { .caps = CAP(SYS_ADMIN), .kernel = OLD },
		  -EINVAL,
		  "Linux 5.4 is too old" },
		{ "anything else of BPF",
		  privilege_explain_bpf,
		  -ENOMEM,
		  { .caps = CAP(SYS_ADMIN), .kernel = NEW },
		  -ENOMEM,
		  "Cannot allocate memory" },
		{ "descriptors for BPF",
		  privilege_explain_bpf,
		  -EMFILE,
		  { .caps = CAP(SYS_ADMIN), .kernel = NEW, .nofile = 16 },
		  -EMFILE,
		  "the limit is 16; raise it with 'ulimit -n'" },
		{ "perf without capabilities",
		  privilege_explain_perf,
		  -EACCES,
		  { .caps = CAP(BPF), .kernel = NEW, .perf_event_paranoid = 4 },
		  -EACCES,
		  "CAP_PERFMON is missing (and kernel.perf_event_paranoid is 4)" },
		{ "perf and seccomp",
		  privilege_explain_perf,
		  -EPERM,
		  { .caps = CAP(SYS_ADMIN), .kernel = NEW },
		  -EPERM,
		  "seccomp" },
		{ "no perf",
		  privilege_explain_perf,
		  -ENOSYS,
		  { .kernel = NEW },
		  -ENOSYS,
		  "CONFIG_PERF_EVENTS" },
		{ "descriptors for perf",
		  privilege_explain_perf,
		  -EMFILE,
		  { .nofile = 8 },
		  -EMFILE,
		  "too few file descriptors" },
		{ "anything else of perf",
		  privilege_explain_perf,
		  -ENODEV,
		  { .kernel = NEW },
		  -ENODEV,
		  "No such device" },
		{ "another user's process",
		  explain_process,
		  -EACCES,
		  { .kernel = NEW },
		  -EACCES,
		  "look into process 7: CAP_SYS_PTRACE is missing; run with sudo" },
		{ "root's in a container",
		  explain_process,
		  -EPERM,
		  { .root = true },
		  -EPERM,
		  "CAP_SYS_PTRACE is missing; this root" },
		{ "a guarded process",
		  explain_process,
		  -EACCES,
		  { .caps = CAP(SYS_PTRACE) },
		  -EACCES,
		  "a security module" },
		{ "anything else of a process",
		  explain_process,
		  -EMFILE,
		  { .kernel = NEW },
		  -EMFILE,
		  "Too many open files" },
		{ "symbols for root",
		  explain_symbols,
		  0,
		  { .caps = CAP(SYSLOG), .kptr_restrict = 1, .perf_event_paranoid = 2 },
		  0,
		  "" },
		{ "symbols for nobody",
		  explain_symbols,
		  0,
		  { .caps = CAP(SYSLOG), .kptr_restrict = 2 },
		  -EPERM,
		  "kernel.kptr_restrict is 2" },
		{ "symbols for all",
		  explain_symbols,
		  0,
		  { .kptr_restrict = 0, .perf_event_paranoid = 1 },
		  0,
		  "" },
		{ "symbols for some",
		  explain_symbols,
		  0,
		  { .kptr_restrict = 0, .perf_event_paranoid = 2 },
		  -EPERM,
		  "CAP_SYSLOG" },
		{ "symbols without perf",
		  explain_symbols,
		  0,
		  { .kptr_restrict = 0, .perf_event_paranoid = PRIVILEGE_UNKNOWN },
		  -EPERM,
		  "CAP_SYSLOG" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = { 0 };
		int code = cases[i].explain(&cases[i].p, cases[i].code, &e);

		if (code != cases[i].want_code || !strstr(e.msg, cases[i].want) ||
		    (!cases[i].want[0] && e.msg[0]))
			fail_msg("%s: %d '%s'", cases[i].name, code, e.msg);
	}
}

static void test_reads_this_machine(void **state)
{
	(void)state;
	struct privilege p;

	privilege_read(&p);
	assert_true(p.kernel >= PRIVILEGE_KERNEL(4, 0) && p.kernel < PRIVILEGE_KERNEL(100, 0));
	assert_int_equal(p.root, geteuid() == 0);
	assert_int_equal(p.btf, access("/sys/kernel/btf/vmlinux", R_OK) == 0);
	assert_true(p.nofile > 0);
	assert_in_range(p.kptr_restrict, 0, 2);
}

/* In a child: limits cannot be given back. */
static void test_raises_the_limit_of_descriptors(void **state)
{
	(void)state;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit limit;
		struct err e = { 0 };

		getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_cur = 16;
		setrlimit(RLIMIT_NOFILE, &limit);
		if (privilege_raise_nofile(32, &e) < 0)
			_exit(1);
		getrlimit(RLIMIT_NOFILE, &limit);
		if (limit.rlim_cur != limit.rlim_max)
			_exit(2);
		/* More than fs.nr_open: nobody gets that. */
		if (privilege_raise_nofile(1ULL << 40, &e) != -EMFILE ||
		    !strstr(e.msg, "1099511627776 are needed"))
			_exit(3);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_obstacle_has_its_message),
		cmocka_unit_test(test_reads_this_machine),
		cmocka_unit_test(test_raises_the_limit_of_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
