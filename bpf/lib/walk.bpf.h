/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Walking a user stack in BPF, and sending it.
 *
 * A walk works in one of the slots of `scratch`; which of them is free is the includer's business.
 * Functions that the verifier checks alone take the slot's number: on 5.10 they take no pointers.
 */
#pragma once

#include "abi/sample.h"
#include "lib/follow.bpf.h"
#include "lib/return_probe.bpf.h"
#include "lib/stack_hash.h"
#include "lib/tables.bpf.h"

const volatile _Bool label_tid = 0, label_cpu = 0, label_thread = 0;
const volatile __u32 ring_wakeup_bytes = 1 << 20; /* wake the reader early when this much waits */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set before loading */
	__type(key, __u32);
	__type(value, struct walk_scratch);
} scratch SEC(".maps");

static __always_inline struct walk_scratch *scratch_get(__u32 slot)
{
	return bpf_map_lookup_elem(&scratch, &slot);
}

#define UNWIND_ENV struct walk_scratch *

static __always_inline int unwind_read(struct walk_scratch *sc, __u64 addr, void *to, __u32 size)
{
	(void)sc;
	return bpf_probe_read_user(to, size, (const void *)addr);
}

static __always_inline int unwind_mapping_find(struct walk_scratch *sc, __u64 pc,
					       struct unwind_mapping *to)
{
	__u32 index = mapping_search(sc->first, sc->count, pc);
	struct unwind_mapping *found = bpf_map_lookup_elem(&mappings, &index);

	if (!found)
		return -1;
	*to = *found;
	return 0;
}

static __always_inline int unwind_rule_find(struct walk_scratch *sc, __u32 dir, __u64 vaddr,
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

static __always_inline int unwind_expr_cfa(struct walk_scratch *sc, const struct unwind_state *s,
					   const struct unwind_rule *r, __u64 *cfa)
{
	(void)sc, (void)s, (void)r, (void)cfa;
	return UNWIND_END_EXPRESSION;
}

#include "lib/unwind_step.h"

static __always_inline void frame_push(struct walk_scratch *sc, __u64 frame)
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

/* One frame of a slot's walk, checked once by the verifier. */
__noinline int walk_step(__u32 slot)
{
	struct walk_scratch *sc = scratch_get(slot);
	__u64 frame;

	if (!sc)
		return UNWIND_END_NO_REGS;
	int end = unwind_step(sc, &sc->sample.state, &sc->mapping, &frame);
	if (frame)
		frame_push(sc, frame);
	/* No other caller's registers are all known. */
	sc->interrupted |= end == UNWIND_CONTINUE && sc->sample.state.exact;
	return end;
}

/* What the includer makes of a return probe that a walk passes: `at` is the place on the stack. */
#ifndef WALK_PASSES
#define WALK_PASSES(slot, at) ((void)0)
#endif

/* Go on behind a return probe; 0, or nonzero if none explains the PC. */
__noinline int walk_leave_trampoline(__u32 slot)
{
	struct walk_scratch *sc = scratch_get(slot);

	if (!sc || sc->sample.state.exact || sc->sample.state.pc + 1 != return_probe_trampoline())
		return -1;
	__u64 at = sc->sample.state.sp - 8, address = return_probe_address(at);
	if (!address)
		return -1;
	sc->sample.state.pc = address - 1;
	WALK_PASSES(slot, at);
	return 0;
}

/* Loops are in two levels: the verifier checks the inner one once, not for each turn of the outer.
 */
#define WALK_STRIDE 32
_Static_assert(UNWIND_FRAMES_MAX % WALK_STRIDE == 0, "strides make up a whole walk");

__noinline int walk_stride(__u32 slot)
{
	for (int i = 0; i < WALK_STRIDE; i++) {
		int end = walk_step(slot);
		if (end == UNWIND_END_NO_MAPPING && walk_leave_trampoline(slot) == 0)
			continue;
		if (end != UNWIND_CONTINUE)
			return end;
	}
	return UNWIND_CONTINUE;
}

static __always_inline int walk(__u32 slot)
{
	for (int i = 0; i < UNWIND_FRAMES_MAX / WALK_STRIDE; i++) {
		int end = walk_stride(slot);
		if (end != UNWIND_CONTINUE)
			return end;
	}
	return UNWIND_END_TRUNCATED;
}

static __always_inline void registers_from(struct unwind_state *s, const struct pt_regs *r)
{
	s->pc = r->rip;
	s->sp = r->rsp;
	s->bp = r->rbp;
	s->exact = 1;
	s->at_entry = 0;
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

/* Walk from the registers in sample.state. Returns enum unwind_end. */
static __always_inline int user_walk(struct walk_scratch *sc, __u32 slot)
{
	__u32 tgid = sc->sample.key.tgid;
	struct process_slice *process = bpf_map_lookup_elem(&processes, &tgid);

	if (!process)
		return UNWIND_END_NO_PROCESS;
	if (process->tag == 0)
		process->tag = sc->sample.tag;
	if (process->tag != sc->sample.tag)
		return UNWIND_END_NO_PROCESS;
	sc->first = process->first;
	sc->count = process->count;
	sc->mapping.start = sc->mapping.end = 0;
	sc->interrupted = 0;
	return walk(slot);
}

/* What only user space can finish. */
static __always_inline _Bool end_is_deferred(int end)
{
	return end == UNWIND_END_NO_PROCESS || end == UNWIND_END_NO_MAPPING ||
	       end == UNWIND_END_EXPRESSION;
}

#define STACK_STEP_WORDS   (STACK_COPY_STEP / 8)
#define STACK_STRIDE_STEPS 16
#define STACK_STRIDES      (STACK_COPY_MAX / STACK_COPY_STEP / STACK_STRIDE_STEPS)

/* Copy one step of the stack to data[at]; 0, or nonzero at its end. */
__noinline int stack_copy_step(__u32 slot, __u32 at, __u64 from)
{
	struct walk_scratch *sc = scratch_get(slot);

	if (!sc || at > WALK_DATA_WORDS - STACK_STEP_WORDS)
		return -1;
	return bpf_probe_read_user(&sc->data[at], STACK_COPY_STEP, (const void *)from);
}

/* A stride of steps; returns how many of them could be read. */
__noinline int stack_copy_stride(__u32 slot, __u32 at, __u64 from)
{
	int step = 0;

	while (step < STACK_STRIDE_STEPS &&
	       !stack_copy_step(slot, at + step * STACK_STEP_WORDS, from + step * STACK_COPY_STEP))
		step++;
	return step;
}

/* Put the return addresses into the copy in whose place return probes have their trampoline: user
 * space cannot ask for them. */
__noinline int stack_copy_unprobe(__u32 slot)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct return_instance *probe = BPF_CORE_READ(task, utask, return_instances);
	struct walk_scratch *sc = scratch_get(slot);

	if (!sc)
		return -1;
	for (int i = 0; i < RETURN_PROBES_MAX && probe; i++) {
		__u64 above = BPF_CORE_READ(probe, stack) - sc->sample.state.sp;
		__u64 at = sc->sample.frames_len + above / 8;

		if (above < sc->sample.stack_bytes && at < WALK_DATA_WORDS)
			sc->data[at] = BPF_CORE_READ(probe, orig_ret_vaddr);
		probe = BPF_CORE_READ(probe, next);
	}
	return 0;
}

/* Copy the stack from the failing frame upwards behind the frames, until it cannot be read. */
static __always_inline void stack_copy(struct sample_event *s, __u32 slot)
{
	__u32 steps = 0;

	for (__u32 i = 0; i < STACK_STRIDES; i++) {
		__u32 n = stack_copy_stride(slot, s->frames_len + steps * STACK_STEP_WORDS,
					    s->state.sp + steps * STACK_COPY_STEP);
		steps += n;
		if (n < STACK_STRIDE_STEPS)
			break;
	}
	s->stack_bytes = steps * STACK_COPY_STEP;
	stack_copy_unprobe(slot);
}

/* Send the sample with its data; 0 or negative. Deferred samples wake the reader: what they lack is
 * found at once. */
static __always_inline int sample_send(struct walk_scratch *sc, __u32 type)
{
	__u32 words = sc->sample.frames_len + sc->sample.stack_bytes / 8;
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (type == EVENT_DEFERRED ||
	    bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > ring_wakeup_bytes)
		flags = BPF_RB_FORCE_WAKEUP;
	if (words > WALK_DATA_WORDS)
		return -1;
	sc->sample.type = type;
	return bpf_ringbuf_output(&ring, &sc->sample, sizeof(sc->sample) + words * 8, flags);
}

static __always_inline void sample_init(struct walk_scratch *sc, struct task_struct *task,
					__u32 tgid)
{
	struct sample_event *s = &sc->sample;

	s->frames_len = s->kernel_len = s->stack_bytes = 0;
	s->time_ns = bpf_ktime_get_ns();
	s->tag = task_tag(task);
	s->key.stack[0] = STACK_HASH_INIT_0;
	s->key.stack[1] = STACK_HASH_INIT_1;
	s->key.tgid = tgid;
	s->key.tid = label_tid ? task_tid(task) : 0;
	s->key.cpu = label_cpu ? bpf_get_smp_processor_id() : 0;
	s->key.user = SAMPLE_USER_STACK;
	s->key.end = UNWIND_END_COMPLETE;
	if (label_thread)
		bpf_get_current_comm(s->key.comm, sizeof(s->key.comm));
}
