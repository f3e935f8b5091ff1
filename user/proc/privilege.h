/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What we and this machine may do, and the messages for what they may not.
 *
 * The facts are read once and passed on, so that every message can be tested anywhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define PRIVILEGE_UNKNOWN (-100) /* a setting that could not be read */

struct privilege {
	uint64_t caps;            /* our effective capabilities, 1 << CAP_* */
	uint32_t kernel;          /* major << 16 | minor */
	int perf_event_paranoid;  /* /proc/sys/kernel; PRIVILEGE_UNKNOWN without perf events */
	int kptr_restrict;        /* likewise */
	bool root;                /* effective user ID 0 */
	bool user_namespace;      /* not the first one: our capabilities end at its border */
	bool btf;                 /* /sys/kernel/btf/vmlinux is there */
	bool lockdown;            /* the kernel is locked down for confidentiality */
	uint64_t memlock, nofile; /* soft limits; UINT64_MAX is unlimited */
};

#define PRIVILEGE_KERNEL(major, minor) ((uint32_t)(major) << 16 | (minor))

/** Read the facts; nothing that is missing is an error. */
void privilege_read(struct privilege *p);

/** Whether we hold CAP_*, or CAP_SYS_ADMIN where that grants it still. */
bool privilege_has(const struct privilege *p, int cap);

/**
 * What profiling needs at least: BTF, and the capabilities to load tracing programs and to open
 * events on all CPUs. 0, -EPERM or -EOPNOTSUPP, with a message that says what to do. To be called
 * first: later failures have more causes and less to say.
 */
int privilege_check(const struct privilege *p, struct err *e);

/**
 * Explain why bpf(2) failed with `code`, a negative errno; returns `code`. -EACCES is the
 * verifier's refusal of a program and no matter of privilege.
 */
int privilege_explain_bpf(const struct privilege *p, int code, struct err *e);

/** Explain why perf_event_open(2) failed with `code`; returns `code`. */
int privilege_explain_perf(const struct privilege *p, int code, struct err *e);

/** Explain why the files of a process in /proc could not be opened; returns `code`. */
int privilege_explain_process(const struct privilege *p, pid_t pid, int code, struct err *e);

/** Whether /proc/kallsyms shows us addresses; false with the reason in *e. */
bool privilege_kernel_symbols(const struct privilege *p, struct err *e);

/**
 * Make sure that `need` descriptors can be open at once, those that we have included: the soft
 * limit is raised to the hard one and, where we may, beyond. -EMFILE with a message that says what
 * to do.
 */
int privilege_raise_nofile(size_t need, struct err *e);

/**
 * Lift the limit on locked memory, against which BPF maps count before Linux 5.11. Best effort:
 * where it matters and is not granted, loading fails and privilege_explain_bpf() says so.
 */
void privilege_raise_memlock(void);
