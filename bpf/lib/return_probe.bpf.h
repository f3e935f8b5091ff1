/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Return probes of whatever profiler: while a function runs whose return is probed, the stack holds
 * the address of a trampoline in place of its return address, and the task keeps that.
 *
 * A kernel gives a session's return to all processes that have the probe, whoever is profiled: so a
 * process may have trampolines on its stack that no program of ours has asked for.
 */
#pragma once

#include "lib/compat.bpf.h"

/* The task's return probes nest at most 64 deep (MAX_URETPROBE_DEPTH in kernel/events/uprobes.c).
 */
#define RETURN_PROBES_MAX 64

/* The address that stands for a return address of the current task; 0 if none does. */
static __always_inline __u64 return_probe_trampoline(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!bpf_core_field_exists(task->mm->uprobes_state))
		return 0;
	return BPF_CORE_READ(task, mm, uprobes_state.xol_area, vaddr);
}

/* The return address that belongs to the place `at` on the current task's stack, where a trampoline
 * is; 0 if none is known. Jumps between probed functions leave several for a place, all the same.
 */
__noinline __u64 return_probe_address(__u64 at)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct return_instance *probe = BPF_CORE_READ(task, utask, return_instances);

	for (int i = 0; i < RETURN_PROBES_MAX && probe; i++) {
		if (BPF_CORE_READ(probe, stack) == at)
			return BPF_CORE_READ(probe, orig_ret_vaddr);
		probe = BPF_CORE_READ(probe, next);
	}
	return 0;
}

/*
 * Whether a return probe on the function that is entered with its stack at `sp` would kill the
 * current task. With each one the kernel forgets those further down in memory, which a longjmp must
 * have left; but a signal's handler on a stack of its own may have interrupted them, and who
 * returns by a return probe that is forgotten gets a SIGILL (cleanup_return_instances(),
 * uprobe_handle_trampoline() in kernel/events/uprobes.c).
 */
__noinline int return_probe_kills(__u64 sp)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct return_instance *probe = BPF_CORE_READ(task, utask, return_instances);
	__u64 start = BPF_CORE_READ(task, sas_ss_sp), size = BPF_CORE_READ(task, sas_ss_size);

	if (!probe || sp - start >= size)
		return 0;
	for (int i = 0; i < RETURN_PROBES_MAX && probe; i++) {
		__u64 at = BPF_CORE_READ(probe, stack);
		/* The kernel stops at the first one that it keeps. */
		if (at > sp || at - start >= size)
			return at <= sp;
		probe = BPF_CORE_READ(probe, next);
	}
	return 0;
}
