/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The few kernel structs that are read, with the fields that are read. Offsets are relocated to the
 * running kernel by CO-RE, so neither order nor omissions matter here.
 */
#pragma once

#include <linux/bpf.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
	unsigned long long sum_sched_runtime;
};

struct sched_entity {
	unsigned long long sum_exec_runtime;
};

struct xol_area {
	unsigned long vaddr;
};

struct uprobes_state {
	struct xol_area *xol_area;
};

struct mm_struct {
	struct uprobes_state uprobes_state;
};

struct return_instance {
	unsigned long stack; /* where the return address was */
	unsigned long orig_ret_vaddr;
	struct return_instance *next;
};

struct uprobe_task {
	struct return_instance *return_instances;
	void *active_uprobe;     /* one whose instruction is single-stepped, */
	unsigned long vaddr;     /* its address, */
	unsigned long xol_vaddr; /* and that of its copy */
};

struct task_struct {
	int pid, tgid;
	unsigned int flags;
	unsigned int in_execve : 1;
	void *stack;
	struct mm_struct *mm;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct signal_struct *signal;
	struct sched_entity se;
	struct uprobe_task *utask;
	unsigned long sas_ss_sp; /* the stack for signal handlers, */
	__u64 sas_ss_size;       /* and its bytes; 0: none */
	__u64 start_boottime;
	__u64 self_exec_id;
};

#pragma clang attribute pop

#define PF_KTHREAD 0x00200000
