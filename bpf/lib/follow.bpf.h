/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Following the targets through fork, exec and exit, and the ring buffer by which that and the
 * stacks reach user space. */
#pragma once

#include "abi/sample.h"
#include "lib/compat.bpf.h"
#include "lib/task.bpf.h"

const volatile _Bool profile_all = 0;     /* every process; else those in `targets` */
const volatile _Bool follow_children = 0; /* targets' children become targets */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} ring SEC(".maps");

/* Processes by tgid. perf_event programs need hashes that are preallocated, up to 6.0. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct process_slice);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 counter, __u64 n)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		*value += n;
}

static __always_inline void task_send(struct task_event *event)
{
	event->time_ns = bpf_ktime_get_ns();
	if (bpf_ringbuf_output(&ring, event, sizeof(*event), BPF_RB_FORCE_WAKEUP))
		count(COUNTER_LOST_TASKS, 1);
}

SEC("raw_tp/sched_process_fork")
int follow_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *parent = (void *)ctx->args[0], *child = (void *)ctx->args[1];

	if (!follow_children || BPF_CORE_READ(child, tgid) != BPF_CORE_READ(child, pid))
		return 0;
	struct task_event event = { .type = EVENT_FORK,
				    .tgid = task_tgid(child),
				    .parent = task_tgid(parent) };
	if (!event.tgid || !bpf_map_lookup_elem(&targets, &event.parent))
		return 0;
	__u32 one = 1;
	if (bpf_map_update_elem(&targets, &event.tgid, &one, BPF_ANY)) {
		count(COUNTER_LOST_PROCESSES, 1);
		return 0;
	}
	task_send(&event);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int follow_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	struct task_event event = { .type = EVENT_EXEC,
				    .tgid = task_tgid(task),
				    .tag = task_tag(task) };

	bpf_map_delete_elem(&processes, &event.tgid);
	if (bpf_map_lookup_elem(&targets, &event.tgid))
		task_send(&event);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int follow_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];

	if (BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	struct task_event event = { .type = EVENT_EXIT,
				    .tgid = task_tgid(task),
				    .cpu_ns = task_process_cpu_ns(task) };
	long known = bpf_map_delete_elem(&processes, &event.tgid);
	long target = bpf_map_delete_elem(&targets, &event.tgid);
	if (known == 0 || target == 0)
		task_send(&event);
	return 0;
}
