// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The CPU profile: a cpu-clock event on each CPU walks the stack of the task that it interrupts and
 * counts it; tracepoints follow the targets through fork, exec and exit.
 */
#include "abi/cpu.h"
#include "lib/compat.bpf.h"
#include "lib/stack_hash.h"
#include "lib/tables.bpf.h"
#include "lib/task.bpf.h"

const volatile _Bool profile_all = 0;     /* every process; else those in `targets` */
const volatile _Bool follow_children = 0; /* targets' children become targets */
const volatile _Bool kernel_stacks = 1;
const volatile _Bool label_tid = 0, label_cpu = 0, label_thread = 0;
const volatile __u64 period_ns = 10000000; /* what a tick stands for: the mean time between two */
const volatile __u32 ring_wakeup_bytes = 1 << 20; /* wake the reader early when this much waits */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} ring SEC(".maps");

/* The hash of counts in use; user space puts the idle one in its place and drains this one. */
struct counts {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct cpu_key));
	__uint(value_size, sizeof(struct cpu_value));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct counts);
} counts_active SEC(".maps");

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
	__type(value, struct cpu_process);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* one per possible CPU */
	__type(key, __u32);
	__type(value, struct cpu_scratch);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CPU_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 counter, __u64 n)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		*value += n;
}

/* This CPU's scratch; functions that the verifier checks alone look it up again, on 5.10 they take
 * no pointers. */
static __always_inline struct cpu_scratch *scratch_get(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&scratch, &cpu);
}

/* ---- The walk ------------------------------------------------------------------------------ */

#define UNWIND_ENV struct cpu_scratch *

static __always_inline int unwind_read(struct cpu_scratch *sc, __u64 addr, void *to, __u32 size)
{
	(void)sc;
	return bpf_probe_read_user(to, size, (const void *)addr);
}

static __always_inline int unwind_mapping_find(struct cpu_scratch *sc, __u64 pc,
					       struct unwind_mapping *to)
{
	__u32 index = mapping_search(sc->first, sc->count, pc);
	struct unwind_mapping *found = bpf_map_lookup_elem(&mappings, &index);

	if (!found)
		return -1;
	*to = *found;
	return 0;
}

static __always_inline int unwind_rule_find(struct cpu_scratch *sc, __u32 dir, __u64 vaddr,
					    struct unwind_rule *to)
{
	__u32 index = rule_search(dir, vaddr);
	struct unwind_rule *found = bpf_map_lookup_elem(&rules, &index);

	(void)sc;
	if (!found)
		return UNWIND_RULE_NONE;
	*to = *found;
	return index;
}

static __always_inline int unwind_expr_cfa(struct cpu_scratch *sc, const struct unwind_state *s,
					   const struct unwind_rule *r, __u64 *cfa)
{
	(void)sc, (void)s, (void)r, (void)cfa;
	return UNWIND_END_EXPRESSION;
}

#include "lib/unwind_step.h"

static __always_inline void frame_push(struct cpu_scratch *sc, __u64 frame)
{
	struct stack_hash hash = { { sc->sample.key.stack[0], sc->sample.key.stack[1] } };
	__u32 at = sc->sample.frames_len;

	if (at >= UNWIND_FRAMES_MAX + UNWIND_KERNEL_FRAMES_MAX)
		return;
	sc->data[at] = frame;
	sc->sample.frames_len = at + 1;
	stack_hash_add(&hash, frame);
	sc->sample.key.stack[0] = hash.h[0];
	sc->sample.key.stack[1] = hash.h[1];
}

/* One frame of this CPU's walk, checked once by the verifier. `unused` keeps clang from dropping
 * the frame's result. */
__noinline int walk_step(void)
{
	struct cpu_scratch *sc = scratch_get();
	__u64 frame;

	if (!sc)
		return UNWIND_END_NO_REGS;
	int end = unwind_step(sc, &sc->sample.state, &sc->mapping, &frame);
	if (frame)
		frame_push(sc, frame);
	return end;
}

static __always_inline int walk(void)
{
	for (int i = 0; i < UNWIND_FRAMES_MAX; i++) {
		int end = walk_step();
		if (end != UNWIND_CONTINUE)
			return end;
	}
	return UNWIND_END_TRUNCATED;
}

/* ---- A sample ------------------------------------------------------------------------------ */

static __always_inline void registers_from(struct unwind_state *s, const struct pt_regs *r)
{
	s->pc = r->rip;
	s->sp = r->rsp;
	s->bp = r->rbp;
	s->exact = 1;
	s->regs[0] = r->rax;
	s->regs[1] = r->rdx;
	s->regs[2] = r->rcx;
	s->regs[3] = r->rbx;
	s->regs[4] = r->rsi;
	s->regs[5] = r->rdi;
	s->regs[6] = r->rbp;
	s->regs[7] = r->rsp;
	s->regs[8] = r->r8;
	s->regs[9] = r->r9;
	s->regs[10] = r->r10;
	s->regs[11] = r->r11;
	s->regs[12] = r->r12;
	s->regs[13] = r->r13;
	s->regs[14] = r->r14;
	s->regs[15] = r->r15;
}

#define CS_RING_MASK 3
#define CS_USER_64   0x33

/* Kernel frames, the interrupted one first; the helper fails only where there are none. */
static __always_inline void kernel_walk(struct bpf_perf_event_data *ctx, struct cpu_scratch *sc)
{
	long bytes = bpf_get_stack(ctx, sc->data, UNWIND_KERNEL_FRAMES_MAX * 8, 0);

	for (__u32 i = 0; i < UNWIND_KERNEL_FRAMES_MAX && (long)(i * 8) < bytes; i++)
		frame_push(sc, sc->data[i]);
	sc->sample.kernel_len = sc->sample.frames_len;
}

/* The user registers of the interrupted task. 0, or the end that says why there is nothing to walk.
 */
static __always_inline int user_registers(struct bpf_perf_event_data *ctx, struct cpu_scratch *sc,
					  struct task_struct *task)
{
	struct pt_regs regs;

	if (ctx->regs.cs & CS_RING_MASK) {
		if (ctx->regs.cs != CS_USER_64)
			return UNWIND_END_32BIT;
		registers_from(&sc->sample.state, (const struct pt_regs *)&ctx->regs);
		return 0;
	}
	if (bpf_probe_read_kernel(&regs, sizeof(regs), task_user_regs(task)))
		return UNWIND_END_NO_REGS;
	/* Workers of io_uring and vhost are threads of the process that were never in user mode. */
	if (regs.rip == 0)
		sc->sample.key.user = CPU_USER_NONE;
	if (!(regs.cs & CS_RING_MASK))
		return UNWIND_END_NO_REGS;
	if (regs.cs != CS_USER_64)
		return UNWIND_END_32BIT;
	registers_from(&sc->sample.state, &regs);
	return 0;
}

static __always_inline int user_walk(struct cpu_scratch *sc, __u32 tgid)
{
	struct cpu_process *process = bpf_map_lookup_elem(&processes, &tgid);

	if (!process)
		return UNWIND_END_NO_PROCESS;
	if (process->tag == 0)
		process->tag = sc->sample.tag;
	if (process->tag != sc->sample.tag)
		return UNWIND_END_NO_PROCESS;
	sc->first = process->first;
	sc->count = process->count;
	sc->mapping.start = sc->mapping.end = 0;
	return walk();
}

#define STACK_STEP_WORDS (CPU_STACK_STEP / 8)

/* Copy one step of the stack to data[at]; 0, or nonzero at its end. */
__noinline int stack_copy_step(__u32 at, __u64 from)
{
	struct cpu_scratch *sc = scratch_get();

	if (!sc || at > CPU_DATA_WORDS - STACK_STEP_WORDS)
		return -1;
	return bpf_probe_read_user(&sc->data[at], CPU_STACK_STEP, (const void *)from);
}

/* Copy the stack from the failing frame upwards behind the frames, until it cannot be read. Returns
 * bytes. */
static __always_inline __u32 stack_copy(const struct cpu_sample *s)
{
	__u32 steps = 0;

	for (; steps < CPU_STACK_BYTES_MAX / CPU_STACK_STEP; steps++)
		if (stack_copy_step(s->frames_len + steps * STACK_STEP_WORDS,
				    s->state.sp + steps * CPU_STACK_STEP))
			break;
	return steps * CPU_STACK_STEP;
}

/* Send the sample with its data; 0 or negative. Deferred samples wake the reader: what they lack is
 * found at once. */
static __always_inline int sample_send(struct cpu_scratch *sc, __u32 type)
{
	__u32 words = sc->sample.frames_len + sc->sample.stack_bytes / 8;
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (type == CPU_EVENT_DEFERRED ||
	    bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > ring_wakeup_bytes)
		flags = BPF_RB_FORCE_WAKEUP;
	if (words > CPU_DATA_WORDS)
		return -1;
	sc->sample.type = type;
	return bpf_ringbuf_output(&ring, &sc->sample, sizeof(sc->sample) + words * 8, flags);
}

/* Count the sample; a stack that this hash does not know yet goes through the ring first. */
static __always_inline void sample_count(struct cpu_scratch *sc)
{
	__u32 zero = 0;
	void *counts = bpf_map_lookup_elem(&counts_active, &zero);

	if (!counts)
		return;
	struct cpu_value *value = bpf_map_lookup_elem(counts, &sc->sample.key);
	if (!value) {
		struct cpu_value first = { 1, period_ns };
		if (sample_send(sc, CPU_EVENT_STACK)) {
			count(CPU_LOST_RING, 1);
			return;
		}
		if (!bpf_map_update_elem(counts, &sc->sample.key, &first, BPF_NOEXIST))
			return;
		/* Another CPU may have put the same key just now. */
		value = bpf_map_lookup_elem(counts, &sc->sample.key);
		if (!value) {
			count(CPU_LOST_COUNTS, 1);
			return;
		}
	}
	__sync_fetch_and_add(&value->samples, 1);
	__sync_fetch_and_add(&value->ns, period_ns);
}

static __always_inline void sample_init(struct cpu_scratch *sc, struct task_struct *task,
					__u32 tgid)
{
	struct cpu_sample *s = &sc->sample;

	s->frames_len = s->kernel_len = s->stack_bytes = 0;
	s->time_ns = bpf_ktime_get_ns();
	s->tag = task_tag(task);
	s->key.stack[0] = STACK_HASH_INIT_0;
	s->key.stack[1] = STACK_HASH_INIT_1;
	s->key.tgid = tgid;
	s->key.tid = label_tid ? task_tid(task) : 0;
	s->key.cpu = label_cpu ? bpf_get_smp_processor_id() : 0;
	s->key.user =
		BPF_CORE_READ_BITFIELD_PROBED(task, in_execve) ? CPU_USER_EXECVE : CPU_USER_STACK;
	s->key.end = UNWIND_END_COMPLETE;
	if (label_thread)
		bpf_get_current_comm(s->key.comm, sizeof(s->key.comm));
}

static __always_inline _Bool task_has_user_stack(struct task_struct *task)
{
	return BPF_CORE_READ(task, mm) && !(BPF_CORE_READ(task, flags) & PF_KTHREAD);
}

static __always_inline _Bool end_is_deferred(int end)
{
	return end == UNWIND_END_NO_PROCESS || end == UNWIND_END_NO_MAPPING ||
	       end == UNWIND_END_EXPRESSION;
}

SEC("perf_event")
int cpu_tick(struct bpf_perf_event_data *ctx)
{
	struct cpu_scratch *sc = scratch_get();

	if (!sc)
		return 0;
	__u32 tgid = task_tgid_current();
	/* 0 is the idle task, and what our PID namespace cannot see. */
	if (tgid == 0 || (!profile_all && !bpf_map_lookup_elem(&targets, &tgid)))
		return 0;

	struct task_struct *task = (void *)bpf_get_current_task();
	sample_init(sc, task, tgid);
	if (kernel_stacks && !(ctx->regs.cs & CS_RING_MASK))
		kernel_walk(ctx, sc);
	if (!task_has_user_stack(task)) {
		sc->sample.key.user = CPU_USER_NONE;
	} else {
		int end = user_registers(ctx, sc, task);
		if (end == 0)
			end = user_walk(sc, tgid);
		sc->sample.key.end = end;
		if (end_is_deferred(end)) {
			sc->sample.stack_bytes = stack_copy(&sc->sample);
			if (sample_send(sc, CPU_EVENT_DEFERRED))
				count(CPU_LOST_RING, 1);
			return 0;
		}
		if (sc->sample.key.user == CPU_USER_EXECVE)
			sc->sample.key.user =
				end == UNWIND_END_COMPLETE ? CPU_USER_STACK : CPU_USER_NONE;
	}
	/* A thread of the kernel's, whose frames were not asked for. */
	if (sc->sample.key.user || sc->sample.frames_len)
		sample_count(sc);
	return 0;
}

/* ---- Following the targets ------------------------------------------------------------------ */

static __always_inline void task_send(struct cpu_task *event)
{
	event->time_ns = bpf_ktime_get_ns();
	if (bpf_ringbuf_output(&ring, event, sizeof(*event), BPF_RB_FORCE_WAKEUP))
		count(CPU_LOST_TASKS, 1);
}

SEC("raw_tp/sched_process_fork")
int cpu_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *parent = (void *)ctx->args[0], *child = (void *)ctx->args[1];

	if (!follow_children || BPF_CORE_READ(child, tgid) != BPF_CORE_READ(child, pid))
		return 0;
	struct cpu_task event = { .type = CPU_EVENT_FORK,
				  .tgid = task_tgid(child),
				  .parent = task_tgid(parent) };
	if (!event.tgid || !bpf_map_lookup_elem(&targets, &event.parent))
		return 0;
	__u32 one = 1;
	if (bpf_map_update_elem(&targets, &event.tgid, &one, BPF_ANY)) {
		count(CPU_LOST_PROCESSES, 1);
		return 0;
	}
	task_send(&event);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int cpu_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	struct cpu_task event = { .type = CPU_EVENT_EXEC,
				  .tgid = task_tgid(task),
				  .tag = task_tag(task) };

	bpf_map_delete_elem(&processes, &event.tgid);
	if (bpf_map_lookup_elem(&targets, &event.tgid))
		task_send(&event);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int cpu_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];

	if (BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	struct cpu_task event = { .type = CPU_EVENT_EXIT,
				  .tgid = task_tgid(task),
				  .cpu_ns = task_process_cpu_ns(task) };
	long known = bpf_map_delete_elem(&processes, &event.tgid);
	long target = bpf_map_delete_elem(&targets, &event.tgid);
	if (known == 0 || target == 0)
		task_send(&event);
	return 0;
}

char LICENSE[] SEC("license")
= "Dual BSD/GPL";
