// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The heap profile: uprobes on a process's allocator sample its allocations by bytes, and see which
 * of them are freed.
 *
 * The path of a call that is not sampled is the whole cost of the profile: a countdown and one test
 * of a counter. Everything else is in functions that the verifier checks once.
 */
#include "lib/exponential.h"
#include "lib/heap_calls.bpf.h"

/* A walk passes return probes: see call_walk(). */
static __always_inline void walk_passes(__u32 slot, __u64 at);
#define WALK_PASSES(slot, at) walk_passes(slot, at)
#include "lib/walk.bpf.h"

const volatile __u64 rate_bytes = 512 << 10;
const volatile __u64 log_table[LOG_TABLE_SIZE] = {};
const volatile _Bool sessions = 0; /* each entry program sees the return, too; 1 skips it */

__u32 skip_shift = 0; /* user space probes in one window of 2^skip_shift */
__u32 stopped = 0;    /* everything stays as it is */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* one per possible CPU */
	__type(key, __u32);
	__type(value, struct heap_cpu);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* as many as `scratch` */
	__type(key, __u32);
	__type(value, struct heap_slot);
} slots SEC(".maps");

/* Which slots are taken. A program may be preempted (6.0), and an insertion is the one
 * compare-and-swap that all kernels have. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* as many as `scratch` */
	__type(key, __u32);
	__type(value, __u32);
} slots_taken SEC(".maps");

/* ---- Small parts --------------------------------------------------------------------------- */

static __always_inline struct heap_cpu *cpu_get(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&cpus, &cpu);
}

static __always_inline __u64 random_u64(void)
{
	return (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
}

#define SIZE_HUGE (1LL << 62)

/*
 * Whether this call is sampled; if so, `cpu->shift` is the rate's. The exponential has no memory:
 * one countdown serves all threads of a CPU, and may be drawn anew whenever the rate changes. A
 * call that is preempted here by another, within some nanoseconds, may lose its bytes.
 */
static __always_inline _Bool call_sampled(struct heap_cpu *cpu, __u64 size)
{
	__u32 shift = rate_shift;

	if (cpu->shift != shift || !cpu->drawn) {
		if (shift > HEAP_SHIFT_MAX)
			shift = HEAP_SHIFT_MAX;
		cpu->shift = shift;
		cpu->drawn = 1;
		cpu->left = exponential(random_u64(), rate_bytes << shift, log_table);
	}
	if (rate_bytes == 1 && cpu->shift == 0)
		return 1;
	/* Nothing is of no size: malloc(0) counts as a byte here. And what no memory can hold is
	 * not to turn the countdown around. */
	cpu->left -= size == 0 ? 1 : size < SIZE_HUGE ? size : SIZE_HUGE;
	if (cpu->left > 0)
		return 0;
	cpu->left = exponential(random_u64(), rate_bytes << cpu->shift, log_table);
	return 1;
}

/* ---- A sampled call ------------------------------------------------------------------------ */

static __always_inline int slot_claim(void)
{
	__u32 first = bpf_get_smp_processor_id() * HEAP_SLOTS_PER_CPU, one = 1;

	for (__u32 i = 0; i < HEAP_SLOTS_PER_CPU; i++) {
		__u32 slot = first + i;
		if (!bpf_map_update_elem(&slots_taken, &slot, &one, BPF_NOEXIST))
			return slot;
	}
	count(HEAP_LOST_SCRATCH, 1);
	return -1;
}

static __always_inline void slot_release(__u32 slot)
{
	struct heap_slot *at = bpf_map_lookup_elem(&slots, &slot);

	if (at)
		at->owner = 0;
	bpf_map_delete_elem(&slots_taken, &slot);
}

/* The slot that this thread has claimed: on this CPU, which it has not left since. */
static __always_inline int slot_mine(void)
{
	__u32 first = bpf_get_smp_processor_id() * HEAP_SLOTS_PER_CPU;
	__u64 me = bpf_get_current_pid_tgid();

	for (__u32 i = 0; i < HEAP_SLOTS_PER_CPU; i++) {
		__u32 slot = first + i;
		struct heap_slot *at = bpf_map_lookup_elem(&slots, &slot);
		if (at && at->owner == me)
			return slot;
	}
	return -1;
}

/* Is the return probe that of a call which counts? What it calls does not, but a signal's handler
 * that has interrupted it does. */
static __always_inline void walk_passes(__u32 slot, __u64 place)
{
	struct heap_pending_key key = pending_key(place);
	struct walk_scratch *sc = scratch_get(slot);
	struct heap_slot *at = bpf_map_lookup_elem(&slots, &slot);

	if (sc && at && !sc->interrupted && bpf_map_lookup_elem(&pending, &key))
		at->inside = 1;
}

/* Walk from the registers in the slot's state and see to it that user space knows the stack; 0, or
 * nonzero if the call does not count or is lost. */
static __always_inline int call_walk(struct walk_scratch *sc, struct heap_slot *at, __u32 slot,
				     __u64 size, __u32 shift)
{
	struct heap_key *key = &at->pending.key;
	__u32 type = EVENT_STACK;

	sample_init(sc, (void *)bpf_get_current_task(), task_tgid_current());
	at->inside = 0;
	int end = user_walk(sc, slot);
	if (at->inside) {
		count(HEAP_NESTED, 1);
		return -1;
	}
	sc->sample.key.end = end;
	if (end_is_deferred(end)) {
		type = EVENT_DEFERRED;
		sc->sample.key.stack[0] = sc->sample.time_ns;
		sc->sample.key.stack[1] = HEAP_DEFERRED_MARK | (__u32)bpf_get_current_pid_tgid();
		stack_copy(&sc->sample, slot);
	}
	key->sample = sc->sample.key;
	key->size = size;
	key->shift = shift;
	key->skip = skip_shift;
	key->life = task_life();

	__u32 zero = 0;
	void *counts = bpf_map_lookup_elem(&counts_active, &zero);
	if (!counts || bpf_map_lookup_elem(counts, key))
		return !counts;
	if (sample_send(sc, type)) {
		count(COUNTER_LOST_RING, 1);
		return -1;
	}
	return 0;
}

/* Where the kernel puts return probes only on calls whose return is wanted, none that kills. */
static __always_inline _Bool return_kills(__u32 flags, __u64 sp)
{
	return sessions && !(flags & HEAP_EXITS) && return_probe_kills(sp);
}

/* As call_enter(). */
static __always_inline int call_record(__u32 slot)
{
	struct walk_scratch *sc = scratch_get(slot);
	struct heap_slot *at = bpf_map_lookup_elem(&slots, &slot);

	if (!sc || !at)
		return 0;
	__u64 sp = sc->sample.state.sp; /* the walk moves it */
	__u64 pointer = at->pending.pointer, size = at->pending.size;
	__u32 flags = at->pending.flags, shift = at->pending.key.shift;
	at->pending.old_address = 0;
	if ((flags & HEAP_REALLOC) && pointer && *filter_of(pointer) &&
	    !live_take(pointer, &at->pending.old))
		at->pending.old_address = pointer;
	if ((flags & HEAP_SAMPLED) && call_walk(sc, at, slot, size, shift))
		flags &= ~HEAP_SAMPLED;
	at->pending.flags = flags;
	if (!(flags & (HEAP_SAMPLED | HEAP_JUMPS)) && !at->pending.old_address)
		return 0;
	_Bool returns = (flags & HEAP_RETURNS) && !return_kills(flags, sp);
	if (returns && !call_before(sp) && !pending_put(&at->pending, sp))
		return 1;
	/* What happens to the old block will not be seen: it counts as freed. */
	if (at->pending.old_address)
		count_free(&at->pending.old);
	/* Where the new one lies is not known, so its free will not be seen: it is never in use. */
	if (!returns && (flags & HEAP_SAMPLED) && !count_alloc(&at->pending.key)) {
		count(HEAP_LOST_LIVE, 1);
		count_free(&at->pending.key);
	}
	return 0;
}

/* A call that is sampled, or a realloc of what may be, as its slot tells: 1 if its return is
 * wanted. */
__noinline int call_enter(__u32 slot)
{
	__u64 start_ns = bpf_ktime_get_ns();
	int wanted = call_record(slot);
	struct heap_cpu *cpu = cpu_get();

	if (cpu) {
		cpu->sampled++;
		cpu->recording_ns += bpf_ktime_get_ns() - start_ns;
	}
	slot_release(slot);
	return wanted;
}

/* ---- Probes -------------------------------------------------------------------------------- */

/* Whether to skip this call's return, where the program may say so. */
#define RETURN_SKIPPED sessions

/* A call that probe_enter() has found worth a record: 1 if its return is wanted. */
static __always_inline int probe_record(struct pt_regs *ctx)
{
	int slot = slot_mine();
	struct heap_slot *at = bpf_map_lookup_elem(&slots, &slot);
	struct walk_scratch *sc = scratch_get(slot);

	if (!at || !sc)
		return 0;
	registers_from(&sc->sample.state, ctx);
	sc->sample.state.at_entry = !!(at->pending.flags & HEAP_RETURNS);
	return call_enter(slot);
}

SEC("uprobe")
int heap_record(struct pt_regs *ctx)
{
	return probe_record(ctx) ? 0 : RETURN_SKIPPED;
}

SEC("uprobe")
int heap_record_only(struct pt_regs *ctx)
{
	probe_record(ctx);
	return 0;
}

/*
 * The walk is in programs of its own, which the verifier checks once. A program may only go on to
 * another that is attached as it is itself (6.18).
 */
#define RECORDERS(name, program)                                                                   \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                             \
		__uint(max_entries, 1);                                                            \
		__uint(key_size, sizeof(__u32));                                                   \
		__array(values, int(void *));                                                      \
	} name SEC(".maps")                                                                        \
	= { .values = { [0] = (void *)&(program) } }

RECORDERS(recorders, heap_record);
RECORDERS(recorders_only, heap_record_only);

/* The entry of an allocating function. Does not come back from a call that is worth a record. */
static __always_inline void probe_enter(struct pt_regs *ctx, void *to, __u64 size, __u64 pointer,
					__u32 flags)
{
	struct heap_cpu *cpu = cpu_get();

	if (!cpu)
		return;
	cpu->allocs++;
	_Bool sampled = call_sampled(cpu, size);
	if (!sampled && !(flags & HEAP_JUMPS) && (!(flags & HEAP_REALLOC) || !*filter_of(pointer)))
		return;
	int slot = slot_claim();
	struct heap_slot *at = bpf_map_lookup_elem(&slots, &slot);
	if (!at)
		return;
	at->pending.size = size;
	at->pending.pointer = pointer;
	at->pending.flags = sampled ? flags | HEAP_SAMPLED : flags;
	at->pending.key.shift = cpu->shift;
	at->owner = bpf_get_current_pid_tgid();
	bpf_tail_call(ctx, to, 0);
	slot_release(slot);
}

/* Whether this is a return, now accounted for. */
static __always_inline int probe_return(struct pt_regs *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid();

	return *pending_of(tid) && call_return(ctx->rsp, ctx->rip, ctx->rax);
}

/* Whether this is the end of a call that has jumped here. */
static __always_inline int probe_before(struct pt_regs *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid();

	return *pending_of(tid) && call_before(ctx->rsp);
}

/* Whether a product is below 2^63; of what is not, the call fails. */
static __always_inline _Bool product_fits(__u64 nmemb, __u64 size)
{
	return !((nmemb | size) >> 32) || !nmemb || size <= (~0ULL >> 1) / nmemb;
}

/*
 * One program for each call: for a uprobe, beside which heap_return sits on the function's return;
 * or for a session, where the kernel runs it at the entry and, if that returned 0, at the return.
 * Arguments are in rdi, rsi and rdx. The *_passes programs leave to another probed function the
 * calls that theirs passes on to it; the *_jumps programs see every return, so that a function
 * which theirs jumps to finds the call that it is a part of.
 *
 * Where every return is seen, that of a call which is not sampled must not find what a longjmp left
 * at the same place.
 */
#define HEAP_PROGRAM(call, condition, size, pointer, flags)                                        \
	SEC("uprobe")                                                                              \
	int heap_##call(struct pt_regs *ctx)                                                       \
	{                                                                                          \
		if (stopped)                                                                       \
			return RETURN_SKIPPED;                                                     \
		if (sessions && probe_return(ctx))                                                 \
			return 0;                                                                  \
		if (!sessions && probe_before(ctx))                                                \
			return 0;                                                                  \
		if (condition)                                                                     \
			probe_enter(ctx, &recorders, size, pointer, HEAP_RETURNS | (flags));       \
		return RETURN_SKIPPED;                                                             \
	}

/* Whether alignments are above malloc's own, for which aligned allocations are malloc's (see
 * `passes_on` in probe/alloc_probes.h). */
#define ALIGNED (ctx->rdi > 16)

HEAP_PROGRAM(size0, 1, ctx->rdi, 0, 0)
HEAP_PROGRAM(size0_jumps, 1, ctx->rdi, 0, HEAP_JUMPS)
HEAP_PROGRAM(size1, 1, ctx->rsi, 0, 0)
HEAP_PROGRAM(size1_jumps, 1, ctx->rsi, 0, HEAP_JUMPS)
HEAP_PROGRAM(size1_passes, ALIGNED, ctx->rsi, 0, 0)
HEAP_PROGRAM(size1_passes_jumps, ALIGNED, ctx->rsi, 0, HEAP_JUMPS)
HEAP_PROGRAM(posix_memalign, 1, ctx->rdx, ctx->rdi, HEAP_POSIX_MEMALIGN)
HEAP_PROGRAM(calloc, product_fits(ctx->rdi, ctx->rsi), ctx->rdi * ctx->rsi, 0, 0)
HEAP_PROGRAM(realloc, 1, ctx->rsi, ctx->rdi, HEAP_REALLOC)
HEAP_PROGRAM(realloc_passes, ctx->rdi, ctx->rsi, ctx->rdi, HEAP_REALLOC)
HEAP_PROGRAM(reallocarray, product_fits(ctx->rsi, ctx->rdx), ctx->rsi * ctx->rdx, ctx->rdi,
	     HEAP_REALLOC)
HEAP_PROGRAM(reallocarray_passes, product_fits(ctx->rsi, ctx->rdx) && ctx->rdi, ctx->rsi * ctx->rdx,
	     ctx->rdi, HEAP_REALLOC)

/*
 * A function that may throw, of which nothing but the entry is seen; or with its exits, the `ret`
 * instructions, where heap_exit sits. Neither is a session: the kernel would put a return probe on
 * the calls of a process that another session probes at the same place.
 */
#define HEAP_PROGRAM_THROWS(call, flags)                                                           \
	SEC("uprobe")                                                                              \
	int heap_##call(struct pt_regs *ctx)                                                       \
	{                                                                                          \
		/* More than there are addresses: it fails. */                                     \
		if (!stopped && !(ctx->rdi >> 47) &&                                               \
		    !(((flags)&HEAP_RETURNS) && probe_before(ctx)))                                \
			probe_enter(ctx, &recorders_only, ctx->rdi, 0, flags);                     \
		return 0;                                                                          \
	}

HEAP_PROGRAM_THROWS(size0_only, 0)
HEAP_PROGRAM_THROWS(size0_exits, HEAP_RETURNS | HEAP_EXITS)

SEC("uprobe")
int heap_exit(struct pt_regs *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct heap_cpu *cpu = cpu_get();

	if (!cpu || stopped)
		return 0;
	cpu->exits++;
	if (*pending_of(tid))
		call_exit(ctx->rsp, ctx->rax);
	return 0;
}

SEC("uprobe")
int heap_free(struct pt_regs *ctx)
{
	__u64 address = ctx->rdi;
	struct heap_cpu *cpu = cpu_get();

	if (!address || !cpu || stopped)
		return 0;
	cpu->frees++;
	if (*filter_of(address))
		free_live(address);
	return 0;
}

SEC("uprobe")
int heap_return(struct pt_regs *ctx)
{
	if (!stopped)
		probe_return(ctx);
	return 0;
}

char LICENSE[] SEC("license")
= "Dual BSD/GPL";
