/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Differences between kernels, each with the version that made it. */
#pragma once

#include "lib/kernel.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf_perf_event.h>

/*
 * Whether the kernel is built with FRED (6.9): then its BTF has a struct fred_info. Told by BTF,
 * not by the kernel's configuration: containers and small systems have no config file. Told by user
 * space: what libbpf does not find in the kernel it looks for in the modules, for which it needs
 * CAP_SYS_ADMIN.
 */
const volatile _Bool kernel_has_fred = 0;

/* KASAN gives every task a counter. */
struct task_struct___kasan {
	unsigned int kasan_depth;
} __attribute__((preserve_access_index));

/*
 * Where the registers of user mode are while a task is in the kernel (bpf_task_pt_regs() exists
 * from 5.15 only). With FRED they sit 16 bytes below the top of the kernel stack; THREAD_SIZE is 16
 * KiB, doubled under KASAN.
 */
static __always_inline const void *task_user_regs(struct task_struct *task)
{
	struct task_struct___kasan *with_kasan = (void *)task;
	__u64 thread_size = bpf_core_field_exists(with_kasan->kasan_depth) ? 32768 : 16384;
	__u64 top = (__u64)BPF_CORE_READ(task, stack) + thread_size;

	if (kernel_has_fred)
		top -= 16;
	return (const void *)(top - sizeof(struct pt_regs));
}
