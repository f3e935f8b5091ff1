// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The CPU profile: a cpu-clock event on each CPU walks the stack of the task that it interrupts and
 * counts it.
 */
#include "abi/cpu.h"
#include "lib/walk.bpf.h"

const volatile _Bool kernel_stacks = 1;
const volatile __u64 period_ns = 10000000; /* what a tick stands for: the mean time between two */

/* The hash of counts in use; user space puts the idle one in its place and drains this one. */
struct counts {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct sample_key));
	__uint(value_size, sizeof(struct cpu_value));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct counts);
} counts_active SEC(".maps");

/* Kernel frames, the interrupted one first; the helper fails only where there are none. */
static __always_inline void kernel_walk(struct bpf_perf_event_data *ctx, struct walk_scratch *sc)
{
	long bytes = bpf_get_stack(ctx, sc->data, UNWIND_KERNEL_FRAMES_MAX * 8, 0);

	for (__u32 i = 0; i < UNWIND_KERNEL_FRAMES_MAX && (long)(i * 8) < bytes; i++)
		frame_push(sc, sc->data[i]);
	sc->sample.kernel_len = sc->sample.frames_len;
}

#define BREAKPOINT   0xcc
#define INSN_LEN_MAX 15
#define XOL_BYTES    4096
#define SAVED_BYTES  24 /* three registers that the trampoline saves */

/*
 * How many bytes are on the stack below the return address at the end of a return probe's
 * trampoline, behind its system call (6.11): pop %r11, pop %rcx, ret. -1: it is not there.
 */
static __always_inline int trampoline_saved(const struct unwind_state *s)
{
	__u32 code = 0;

	bpf_probe_read_user(&code, sizeof(code), (const void *)s->pc);
	if (code == 0xc3595b41)
		return 16;
	if ((code & 0xffff) == 0xc359)
		return 8;
	return (code & 0xff) == 0xc3 ? 0 : -1;
}

/*
 * Behind the system call the return address is on the stack. In its last moments the result of the
 * function still is: then the caller is not known.
 */
static __always_inline void registers_leave_trampoline(struct unwind_state *s, int saved)
{
	__u64 pc;

	if (bpf_probe_read_user(&pc, sizeof(pc), (const void *)(s->sp + saved)) || pc == s->regs[0])
		return;
	s->pc = pc;
	s->sp += saved + 8;
}

/*
 * In the page that the kernel adds to a probed process: in the copy of an instruction, or in the
 * trampoline of a return probe, behind which the caller goes on. Until the trampoline's system call
 * has seen to the probe it is on the kernel's list, with the return address; the call undoes what
 * the trampoline has pushed before.
 */
static __always_inline void registers_leave_xol(struct unwind_state *s, struct uprobe_task *probed)
{
	struct return_instance *returns = BPF_CORE_READ(probed, return_instances);
	__u64 behind = s->pc - BPF_CORE_READ(probed, xol_vaddr);
	__u64 caller_sp = BPF_CORE_READ(returns, stack) + 8, pushed = caller_sp - s->sp;
	int saved = trampoline_saved(s);

	if (BPF_CORE_READ(probed, active_uprobe) && behind <= INSN_LEN_MAX) {
		s->pc = BPF_CORE_READ(probed, vaddr) + behind;
	} else if (returns &&
		   (saved < 0 ? pushed <= SAVED_BYTES : pushed == 0 || pushed == saved + 8ULL)) {
		s->pc = BPF_CORE_READ(returns, orig_ret_vaddr);
		s->sp = caller_sp;
	} else if (saved >= 0) {
		registers_leave_trampoline(s, saved);
	}
}

/* What functions save first is a register that their callers own: rbx, rbp, r12 to r15. */
static __always_inline _Bool is_saved_register(const struct unwind_state *s, __u64 value)
{
	return value == s->regs[3] || value == s->regs[6] || value == s->regs[12] ||
	       value == s->regs[13] || value == s->regs[14] || value == s->regs[15];
}

/*
 * The kernel emulates the instruction in whose place a breakpoint is. Before that the instruction
 * pointer is behind the breakpoint, then at it; and of a push the stack pointer moves first.
 */
static __always_inline void registers_leave_breakpoint(struct unwind_state *s)
{
	__u8 around[2] = { 0 };
	__u64 top = 0;

	bpf_probe_read_user(around, sizeof(around), (const void *)(s->pc - 1));
	if (around[0] != BREAKPOINT && around[1] != BREAKPOINT)
		return;
	bpf_probe_read_user(&top, sizeof(top), (const void *)s->sp);
	_Bool pushed = is_saved_register(s, top);
	if (around[1] == BREAKPOINT)
		s->sp += pushed ? 8 : 0;
	else if (!pushed)
		s->pc--;
}

/* In the middle of a uprobe a program is not where its instruction pointer says. */
static __always_inline void registers_unprobe(struct unwind_state *s, struct task_struct *task,
					      _Bool in_kernel)
{
	struct uprobe_task *probed = BPF_CORE_READ(task, utask);

	if (!probed)
		return;
	if (s->pc - BPF_CORE_READ(task, mm, uprobes_state.xol_area, vaddr) < XOL_BYTES)
		registers_leave_xol(s, probed);
	else if (in_kernel)
		registers_leave_breakpoint(s);
}

/* The kernel was interrupted: the registers are those that it entered with. As below. */
static __always_inline int user_registers_saved(struct walk_scratch *sc, struct task_struct *task)
{
	struct pt_regs regs;

	if (bpf_probe_read_kernel(&regs, sizeof(regs), task_user_regs(task)))
		return UNWIND_END_NO_REGS;
	/* Workers of io_uring and vhost are threads of the process that were never in user mode. */
	if (regs.rip == 0)
		sc->sample.key.user = SAMPLE_USER_NONE;
	if (!(regs.cs & CS_RING_MASK))
		return UNWIND_END_NO_REGS;
	if (regs.cs != CS_USER_64)
		return UNWIND_END_32BIT;
	registers_from(&sc->sample.state, &regs);
	return 0;
}

/*
 * Bring the user registers of the interrupted task into the slot's state; in user mode they are
 * there already. 0, or the end that says why there is nothing to walk. A function of its own, so
 * that what it has on the stack is not beneath the walk's: all together have 512 bytes.
 */
__noinline int user_registers(__u32 slot, __u32 in_kernel)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct walk_scratch *sc = scratch_get(slot);
	int end = 0;

	if (!sc)
		return UNWIND_END_NO_REGS;
	if (in_kernel)
		end = user_registers_saved(sc, task);
	if (end == 0)
		registers_unprobe(&sc->sample.state, task, in_kernel);
	return end;
}

static __always_inline int tick_registers(struct bpf_perf_event_data *ctx, struct walk_scratch *sc,
					  __u32 slot)
{
	__u64 ring = ctx->regs.cs & CS_RING_MASK;

	if (ring && ctx->regs.cs != CS_USER_64)
		return UNWIND_END_32BIT;
	if (ring)
		registers_from(&sc->sample.state, (const struct pt_regs *)&ctx->regs);
	return user_registers(slot, !ring);
}

/* Count the sample; a stack that this hash does not know yet goes through the ring first. */
static __always_inline void sample_count(struct walk_scratch *sc)
{
	__u32 zero = 0;
	void *counts = bpf_map_lookup_elem(&counts_active, &zero);

	if (!counts)
		return;
	struct cpu_value *value = bpf_map_lookup_elem(counts, &sc->sample.key);
	if (!value) {
		struct cpu_value first = { 1, period_ns };
		if (sample_send(sc, EVENT_STACK)) {
			count(COUNTER_LOST_RING, 1);
			return;
		}
		if (!bpf_map_update_elem(counts, &sc->sample.key, &first, BPF_NOEXIST))
			return;
		/* Another CPU may have put the same key just now. */
		value = bpf_map_lookup_elem(counts, &sc->sample.key);
		if (!value) {
			count(COUNTER_LOST_COUNTS, 1);
			return;
		}
	}
	__sync_fetch_and_add(&value->samples, 1);
	__sync_fetch_and_add(&value->ns, period_ns);
}

static __always_inline _Bool task_has_user_stack(struct task_struct *task)
{
	return BPF_CORE_READ(task, mm) && !(BPF_CORE_READ(task, flags) & PF_KTHREAD);
}

/* A CPU's cpu-clock event cannot interrupt its own handler: each CPU has its slot to itself. */
SEC("perf_event")
int cpu_tick(struct bpf_perf_event_data *ctx)
{
	__u32 slot = bpf_get_smp_processor_id();
	struct walk_scratch *sc = scratch_get(slot);

	if (!sc)
		return 0;
	__u32 tgid = task_tgid_current();
	/* 0 is the idle task, and what our PID namespace cannot see. */
	if (tgid == 0 || (!profile_all && !bpf_map_lookup_elem(&targets, &tgid)))
		return 0;

	struct task_struct *task = (void *)bpf_get_current_task();
	sample_init(sc, task, tgid);
	if (BPF_CORE_READ_BITFIELD_PROBED(task, in_execve))
		sc->sample.key.user = SAMPLE_USER_EXECVE;
	if (kernel_stacks && !(ctx->regs.cs & CS_RING_MASK))
		kernel_walk(ctx, sc);
	if (!task_has_user_stack(task)) {
		sc->sample.key.user = SAMPLE_USER_NONE;
	} else {
		int end = tick_registers(ctx, sc, slot);
		if (end == 0)
			end = user_walk(sc, slot);
		sc->sample.key.end = end;
		if (end_is_deferred(end)) {
			stack_copy(&sc->sample, slot);
			if (sample_send(sc, EVENT_DEFERRED))
				count(COUNTER_LOST_RING, 1);
			return 0;
		}
		if (sc->sample.key.user == SAMPLE_USER_EXECVE)
			sc->sample.key.user =
				end == UNWIND_END_COMPLETE ? SAMPLE_USER_STACK : SAMPLE_USER_NONE;
	}
	/* A thread of the kernel's, whose frames were not asked for. */
	if (sc->sample.key.user || sc->sample.frames_len)
		sample_count(sc);
	return 0;
}

char LICENSE[] SEC("license")
= "Dual BSD/GPL";
