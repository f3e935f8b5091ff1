/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Who a task is: its numbers in the profiler's PID namespace, and a tag that changes with exec. */
#pragma once

#include "lib/compat.bpf.h"

/* The inode of the profiler's PID namespace; 0 if that is the initial one, where numbers need no
 * look-up. */
const volatile __u32 pid_namespace_inode = 0;

/* Namespaces nest at most 32 deep (MAX_PID_NS_LEVEL). */
#define PID_LEVELS_MAX 33

/* A task's number in the profiler's PID namespace, 0 if it is not visible there. */
static __always_inline __u32 task_pid_visible(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	__u64 step = bpf_core_type_size(struct upid);

	for (__u32 i = 0; i < PID_LEVELS_MAX && i <= level; i++) {
		const struct upid *at =
			(const void *)pid + bpf_core_field_offset(pid->numbers) + i * step;
		struct pid_namespace *ns = BPF_CORE_READ(at, ns);
		if (BPF_CORE_READ(ns, ns.inum) == pid_namespace_inode)
			return BPF_CORE_READ(at, nr);
	}
	return 0;
}

static __always_inline __u32 task_tid(struct task_struct *task)
{
	return pid_namespace_inode ? task_pid_visible(task) : (__u32)BPF_CORE_READ(task, pid);
}

static __always_inline __u32 task_tgid(struct task_struct *task)
{
	if (!pid_namespace_inode)
		return BPF_CORE_READ(task, tgid);
	return task_pid_visible(BPF_CORE_READ(task, group_leader));
}

/* task_tgid() of the task that runs, which the kernel gives at once in the usual case. */
static __always_inline __u32 task_tgid_current(void)
{
	if (!pid_namespace_inode)
		return bpf_get_current_pid_tgid() >> 32;
	return task_tgid((void *)bpf_get_current_task());
}

/* Differs between a program and the one that it executes, and between processes that reuse a
 * number. Never 0. */
static __always_inline __u64 task_tag(struct task_struct *task)
{
	__u64 started = BPF_CORE_READ(task, group_leader, start_boottime);

	return (started << 16 | (BPF_CORE_READ(task, self_exec_id) & 0xffff)) + 1;
}

/* CPU time of a whole process at the exit of its last thread. */
static __always_inline __u64 task_process_cpu_ns(struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	__u64 ns = BPF_CORE_READ(task, signal, sum_sched_runtime) +
		   BPF_CORE_READ(task, se.sum_exec_runtime);

	return leader == task ? ns : ns + BPF_CORE_READ(leader, se.sum_exec_runtime);
}
