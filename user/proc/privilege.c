// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "proc/privilege.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

static int read_setting(const char *path)
{
	struct buf text = { 0 };
	int value = PRIVILEGE_UNKNOWN;

	if (file_read_all(path, &text, NULL) == 0)
		sscanf(text.data, "%d", &value);
	buf_deinit(&text);
	return value;
}

static uint64_t read_effective_caps(void)
{
	struct buf text = { 0 };
	uint64_t caps = 0;

	if (file_read_all("/proc/self/status", &text, NULL) == 0) {
		const char *line = strstr(text.data, "\nCapEff:");

		if (line)
			sscanf(line, "\nCapEff: %" SCNx64, &caps);
	}
	buf_deinit(&text);
	return caps;
}

/* "none integrity [confidentiality]": only the last one keeps BPF from reading memory. */
static bool read_lockdown(void)
{
	struct buf text = { 0 };
	bool locked = file_read_all("/sys/kernel/security/lockdown", &text, NULL) == 0 &&
		      strstr(text.data, "[confidentiality]");

	buf_deinit(&text);
	return locked;
}

/* PROC_USER_INIT_INO of include/linux/proc_ns.h is the number of the first user namespace. */
static bool read_user_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/user", &st) == 0 && st.st_ino != 0xEFFFFFFDU;
}

static uint64_t read_limit(int resource)
{
	struct rlimit limit = { 0 };

	getrlimit(resource, &limit);
	return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

void privilege_read(struct privilege *p)
{
	struct utsname uts;
	unsigned int major = 0, minor = 0;

	if (uname(&uts) == 0)
		sscanf(uts.release, "%u.%u", &major, &minor);
	*p = (struct privilege){
		.caps = read_effective_caps(),
		.kernel = PRIVILEGE_KERNEL(major, minor),
		.perf_event_paranoid = read_setting("/proc/sys/kernel/perf_event_paranoid"),
		.kptr_restrict = read_setting("/proc/sys/kernel/kptr_restrict"),
		.root = geteuid() == 0,
		.user_namespace = read_user_namespace(),
		.btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0,
		.lockdown = read_lockdown(),
		.memlock = read_limit(RLIMIT_MEMLOCK),
		.nofile = read_limit(RLIMIT_NOFILE),
	};
}

bool privilege_has(const struct privilege *p, int cap)
{
	/* Split from CAP_SYS_ADMIN in Linux 5.8 and 5.9, which grants them still. */
	bool split = cap == CAP_BPF || cap == CAP_PERFMON || cap == CAP_CHECKPOINT_RESTORE;

	return p->caps >> cap & 1 || (split && p->caps >> CAP_SYS_ADMIN & 1);
}

/* What a user without the capability should do. */
static const char *remedy(const struct privilege *p)
{
	if (p->root)
		return "this root has lost it: in a container add it (docker run --cap-add=...)";
	return "run with sudo";
}

/* The names of the capabilities that profiling needs and we lack, or NULL. */
static const char *missing_caps(const struct privilege *p)
{
	bool bpf = privilege_has(p, CAP_BPF), perfmon = privilege_has(p, CAP_PERFMON);

	if (bpf && perfmon)
		return NULL;
	if (p->kernel < PRIVILEGE_KERNEL(5, 8))
		return "CAP_SYS_ADMIN is";
	if (bpf)
		return "CAP_PERFMON is";
	return perfmon ? "CAP_BPF is" : "CAP_BPF and CAP_PERFMON are";
}

static int refuse_caps(const struct privilege *p, int code, struct err *e)
{
	char paranoid[64] = "";

	if (p->perf_event_paranoid > 0 && !privilege_has(p, CAP_PERFMON))
		snprintf(paranoid, sizeof(paranoid), " (and kernel.perf_event_paranoid is %d)",
			 p->perf_event_paranoid);
	return err_plain(e, code, "no permission to profile: %s missing%s; %s", missing_caps(p),
			 paranoid, remedy(p));
}

int privilege_check(const struct privilege *p, struct err *e)
{
	if (missing_caps(p))
		return refuse_caps(p, -EPERM, e);
	if (p->user_namespace)
		return err_plain(e, -EPERM,
				 "no permission to profile: in a user namespace (of a rootless "
				 "container) capabilities do not reach the kernel's BPF; run as "
				 "root outside of it");
	if (!p->btf)
		return err_plain(
			e, -EOPNOTSUPP,
			"this kernel has no BTF (/sys/kernel/btf/vmlinux): boot one built "
			"with CONFIG_DEBUG_INFO_BTF=y, as distributors' kernels since 5.10 "
			"are");
	return 0;
}

static int explain_nofile(const struct privilege *p, int code, struct err *e)
{
	return err_plain(e, code,
			 "too few file descriptors: the limit is %" PRIu64
			 "; raise it with 'ulimit -n'",
			 p->nofile);
}

int privilege_explain_bpf(const struct privilege *p, int code, struct err *e)
{
	switch (code) {
	case -EPERM:
		if (missing_caps(p))
			return refuse_caps(p, code, e);
		if (p->lockdown)
			return err_plain(e, code,
					 "the kernel is locked down and lets no BPF read memory: "
					 "boot without lockdown=confidentiality");
		if (p->kernel < PRIVILEGE_KERNEL(5, 11) && p->memlock != UINT64_MAX)
			return err_plain(e, code,
					 "too little locked memory for BPF maps: the limit is "
					 "%" PRIu64 " KiB; needs CAP_SYS_RESOURCE, or 'ulimit -l "
					 "unlimited' before",
					 p->memlock / 1024);
		return err_plain(e, code,
				 "the kernel refuses bpf(2) although we hold the capabilities: a "
				 "container's seccomp profile or a security module forbids it");
	case -ENOSYS:
		return err_plain(
			e, code,
			"this kernel has no BPF: boot one built with CONFIG_BPF_SYSCALL=y");
	case -EMFILE:
		return explain_nofile(p, code, e);
	default:
		if (p->kernel < PRIVILEGE_KERNEL(5, 10))
			return err_set(e, code,
				       "cannot load BPF programs: Linux %u.%u is too old, "
				       "5.10 or later is needed",
				       p->kernel >> 16, p->kernel & 0xffff);
		return err_set(e, code, "cannot load BPF programs");
	}
}

int privilege_explain_perf(const struct privilege *p, int code, struct err *e)
{
	switch (code) {
	case -EACCES:
	case -EPERM:
		if (missing_caps(p))
			return refuse_caps(p, code, e);
		return err_plain(e, code,
				 "the kernel refuses perf_event_open(2) although we hold the "
				 "capabilities: a container's seccomp profile or a security module "
				 "forbids it");
	case -ENOSYS:
		return err_plain(
			e, code,
			"this kernel has no perf events: boot one built with CONFIG_PERF_EVENTS=y");
	case -EMFILE:
		return explain_nofile(p, code, e);
	default:
		return err_set(e, code, "cannot open a sampling event");
	}
}

int privilege_explain_process(const struct privilege *p, pid_t pid, int code, struct err *e)
{
	if (code != -EACCES && code != -EPERM)
		return err_set(e, code, "cannot look into process %d", pid);
	if (!privilege_has(p, CAP_SYS_PTRACE))
		return err_plain(
			e, code,
			"no permission to look into process %d: CAP_SYS_PTRACE is missing; %s", pid,
			remedy(p));
	return err_plain(
		e, code,
		"the kernel lets nobody look into process %d: a security module forbids it", pid);
}

/* kallsyms_show_value() of kernel/ksyms_common.c decides. */
bool privilege_kernel_symbols(const struct privilege *p, struct err *e)
{
	bool open_to_perf =
		p->perf_event_paranoid != PRIVILEGE_UNKNOWN && p->perf_event_paranoid <= 1;

	if (p->kptr_restrict >= 2) {
		err_plain(e, -EPERM,
			  "kernel functions have no names: kernel.kptr_restrict is %d, set it to 1",
			  p->kptr_restrict);
		return false;
	}
	if ((p->kptr_restrict == 0 && open_to_perf) || privilege_has(p, CAP_SYSLOG))
		return true;
	err_plain(e, -EPERM, "kernel functions have no names: CAP_SYSLOG is missing; %s",
		  remedy(p));
	return false;
}

int privilege_raise_nofile(size_t need, struct err *e)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return err_set(e, -errno, "cannot read the limit of file descriptors");
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max < need)
		limit.rlim_cur = limit.rlim_max = need;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return err_plain(e, -EMFILE,
				 "too few file descriptors: %zu are needed; raise the hard limit "
				 "with 'ulimit -Hn' as root",
				 need);
	return 0;
}

void privilege_raise_memlock(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}
