/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Differences between kernels, each with the version that made it. */
#pragma once

#include "lib/kernel.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf_perf_event.h>

/* 6.9: with FRED the user registers sit 16 bytes below the top of the kernel stack. */
extern _Bool CONFIG_X86_FRED __kconfig __weak;
/* THREAD_SIZE is 16 KiB, doubled under KASAN. */
extern _Bool CONFIG_KASAN __kconfig __weak;

/* Where the registers of user mode are while a task is in the kernel (bpf_task_pt_regs() exists
 * from 5.15 only). */
static __always_inline const void *task_user_regs(struct task_struct *task)
{
	__u64 thread_size = CONFIG_KASAN ? 32768 : 16384;
	__u64 top = (__u64)BPF_CORE_READ(task, stack) + thread_size - (CONFIG_X86_FRED ? 16 : 0);

	return (const void *)(top - sizeof(struct pt_regs));
}
