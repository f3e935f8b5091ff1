// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/heap.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "collect/bpf_object.h"
#include "collect/counts.h"
#include "collect/log_table.h"
#include "collect/probe_cost.h"

extern const char bpf_object_heap[], bpf_object_heap_end[];

#define DRAIN_NS       NS_PER_SEC
#define COUNTS_ENTRIES (1U << 16)
#define SWEEP_BATCH    4096U

/* A second of stacks, and the copies of those that BPF cannot walk: where most calls are sampled,
 * all those of the tenth of a second in which the code of a large program is compiled. */
#define RING_BYTES       (16U << 20)
#define RING_BYTES_DENSE (64U << 20)
#define RATE_DENSE       4096

struct heap_collector {
	struct follow follow;
	struct heap_sites sites;
	struct heap_probes probes;
	struct counts counts;
	struct map lives; /* u32 tgid -> u32 life: what runs now; 0: it has ended */
	int cpus_fd, live_fd, pending_fd;
	uint64_t in_flight; /* sampled calls, when the probes went */
	void *globals;      /* BPF's variables: */
	size_t globals_size;
	uint32_t *rate_shift, *skip_shift, *stopped;
	uint64_t *live_count;
	uint32_t *live_filter;
	double alloc_ns, free_ns; /* what a call costs that is not sampled, */
	double step_ns;           /* and how much more where the kernel must single-step */
	struct heap_cpu base;     /* calls before the targets were probed */
	uint64_t drained_ns;
	struct heap_guard guard;
	struct heap_cpu window_base; /* calls, and */
	uint64_t window_cpu_ns;      /* the targets' CPU time before this window */
	uint64_t window_ns;          /* when it began */
	bool sweep; /* a process has gone: what it held is to leave the table of live ones */
};

/* ---- What runs ----------------------------------------------------------------------------- */

/* As task_life() in heap.bpf.c. */
static uint32_t life_of(uint64_t tag)
{
	return (uint32_t)(tag ^ (tag >> 32));
}

static void process_changed(void *ctx, struct process *p, const struct task_event *event)
{
	struct heap_collector *c = ctx;
	uint32_t pid = (uint32_t)p->pid;

	if (event->type == EVENT_FORK) {
		/* At once: before the code that it may execute now is compiled. */
		heap_probes_inherit(&c->probes, p->pid, (pid_t)event->parent, &c->follow.files);
		return;
	}
	uint32_t *life = map_put(&c->lives, &pid, NULL);
	if (life)
		*life = event->type == EVENT_EXEC ? life_of(event->tag) : 0;
	c->sweep = true;
}

bool heap_collector_lives(const struct heap_collector *c, const struct heap_key *key)
{
	const uint32_t *life = map_find(&c->lives, &key->sample.tgid);

	return !life || *life == key->life;
}

/* Take what is gone with its process out of the table of live allocations, to make room. */
static void live_sweep(struct heap_collector *c)
{
	_cleanup_free_ struct heap_live_key *keys = calloc(SWEEP_BATCH, sizeof(*keys));
	_cleanup_free_ struct heap_key *values = calloc(SWEEP_BATCH, sizeof(*values));
	uint32_t next = 0;
	int rc = keys && values ? 0 : -ENOMEM;

	c->sweep = false;
	for (bool first = true; rc == 0; first = false) {
		uint32_t n = SWEEP_BATCH;
		rc = bpf_map_lookup_batch(c->live_fd, first ? NULL : &next, &next, keys, values, &n,
					  NULL);
		if (rc < 0 && errno != ENOENT)
			return;
		/* What allocated these may have been executed just now. */
		follow_drain_ring(&c->follow);
		for (uint32_t i = 0; i < n; i++) {
			if (heap_collector_lives(c, &values[i]) ||
			    bpf_map_delete_elem(c->live_fd, &keys[i]) < 0)
				continue;
			uint64_t hash = keys[i].address * 0x9e3779b97f4a7c15ULL;
			__atomic_fetch_sub(&c->live_filter[hash >> (64 - HEAP_FILTER_BITS)], 1,
					   __ATOMIC_RELAXED);
			__atomic_fetch_sub(c->live_count, 1, __ATOMIC_RELAXED);
		}
	}
}

/* ---- What probes cost ---------------------------------------------------------------------- */

/* The calls that all CPUs have seen. */
static void calls_read(const struct heap_collector *c, struct heap_cpu *ret)
{
	*ret = (struct heap_cpu){ 0 };
	for (uint32_t i = 0; i < (uint32_t)libbpf_num_possible_cpus(); i++) {
		struct heap_cpu cpu;
		if (bpf_map_lookup_elem(c->cpus_fd, &i, &cpu) < 0)
			continue;
		ret->allocs += cpu.allocs;
		ret->frees += cpu.frees;
		ret->sampled += cpu.sampled;
		ret->recording_ns += cpu.recording_ns;
		ret->exits += cpu.exits;
	}
}

static void window_begin(struct heap_collector *c, uint64_t now_ns)
{
	calls_read(c, &c->window_base);
	c->window_cpu_ns = processes_cpu_ns(&c->follow.processes);
	c->window_ns = now_ns;
}

/* A window of the guard's is over: probe in the next one, or leave it out. */
static void window_end(struct heap_collector *c, uint64_t now_ns)
{
	struct heap_guard_window w;
	struct heap_cpu calls;
	double alloc_ns, free_ns, exit_ns;
	bool was_on = c->guard.on;

	processes_check(&c->follow.processes);
	calls_read(c, &calls);
	heap_collector_cost(c, &alloc_ns, &free_ns, &exit_ns);
	w.cpu_ns = (double)(processes_cpu_ns(&c->follow.processes) - c->window_cpu_ns);
	w.alloc_ns = (double)(calls.allocs - c->window_base.allocs) * alloc_ns +
		     (double)(calls.exits - c->window_base.exits) * exit_ns +
		     (double)(calls.recording_ns - c->window_base.recording_ns);
	w.free_ns = (double)(calls.frees - c->window_base.frees) * free_ns;
	heap_guard_next(&c->guard, &w);
	*c->skip_shift = c->guard.skip;
	if (c->guard.ended)
		heap_collector_stop(c);
	else if (was_on && !c->guard.on)
		heap_probes_pause(&c->probes);
	else if (!was_on && c->guard.on)
		heap_probes_resume(&c->probes, &c->follow.files);
	window_begin(c, now_ns);
}

/* ---- Loading ------------------------------------------------------------------------------- */

static int log_table_set(struct bpf_object *object, struct err *e)
{
	__u64 table[LOG_TABLE_SIZE];

	log_table_fill(table);
	return bpf_object_set_constant(object, "log_table", table, sizeof(table), e);
}

static int object_configure(struct heap_collector *c, const struct heap_options *o, struct err *e)
{
	struct bpf_object *object = c->follow.object;
	uint32_t cpus = (uint32_t)libbpf_num_possible_cpus(), slots = cpus * HEAP_SLOTS_PER_CPU;
	/* Each CPU keeps some free elements of a hash to itself. */
	uint32_t live_entries = o->max_live + 128 + 64 * cpus;
	int rc;

	if ((rc = bpf_object_set(object, "rate_bytes", o->rate_bytes, e)) < 0 ||
	    (rc = bpf_object_set(object, "max_live", (uint64_t)o->max_live, e)) < 0 ||
	    (rc = log_table_set(object, e)) < 0 ||
	    (rc = bpf_object_set_entries(object, "cpus", cpus, e)) < 0 ||
	    (rc = bpf_object_set_entries(object, "live", live_entries, e)) < 0 ||
	    (rc = bpf_object_set_entries(object, "slots", slots, e)) < 0 ||
	    (rc = bpf_object_set_entries(object, "slots_taken", slots, e)) < 0)
		return rc;
	return heap_probes_prepare(&c->probes, object, o->kind, o->allocators, e);
}

static void walk_finished(void *ctx, const struct sample_event *event, const struct sample_key *key)
{
	struct heap_collector *c = ctx;

	heap_sites_resolve(&c->sites, event->key.stack, key);
}

static void *variable(struct heap_collector *c, const char *name, size_t size, struct err *e)
{
	return bpf_object_variable(c->follow.object, c->globals, name, size, e);
}

static int object_connect(struct heap_collector *c, struct err *e)
{
	struct bpf_object *object = c->follow.object;

	c->cpus_fd = bpf_object_map_fd(object, "cpus");
	c->live_fd = bpf_object_map_fd(object, "live");
	c->pending_fd = bpf_object_map_fd(object, "pending");
	c->globals = bpf_object_globals(object, &c->globals_size, e);
	if (!c->globals)
		return -EINVAL;
	c->rate_shift = variable(c, "rate_shift", sizeof(*c->rate_shift), e);
	c->skip_shift = variable(c, "skip_shift", sizeof(*c->skip_shift), e);
	c->stopped = variable(c, "stopped", sizeof(*c->stopped), e);
	c->live_count = variable(c, "live_count", sizeof(*c->live_count), e);
	c->live_filter = variable(c, "live_filter", sizeof(uint32_t) << HEAP_FILTER_BITS, e);
	if (!c->rate_shift || !c->skip_shift || !c->stopped || !c->live_count || !c->live_filter)
		return -EINVAL;
	return counts_init(&c->counts, object, sizeof(struct heap_key), sizeof(struct heap_value),
			   COUNTS_ENTRIES, e);
}

/* The allocators asked for are not there: say which are. */
static int others_found(const struct heap_collector *c, struct err *e)
{
	char asked[128], found[256] = "", others[128];
	size_t len = 0;

	allocators_format(c->probes.allocators, asked, sizeof(asked));
	vec_for_each(f, &c->probes.files) {
		if (!(*f)->probes.others || len >= sizeof(found))
			continue;
		const struct code_file *code = code_files_at(&c->follow.files, (*f)->number);
		allocators_format((*f)->probes.others, others, sizeof(others));
		len += (size_t)snprintf(found + len, sizeof(found) - len, "%s%s in '%s'",
					len ? ", " : "", others, code->path);
	}
	return len ? err_plain(e, -ENOENT, "the target has no %s: found were %s", asked, found) : 0;
}

/* None of the targets has anything to probe: say why. */
static int nothing_probed(const struct heap_collector *c, struct err *e)
{
	if (c->probes.attach_errors)
		return err_plain(e, c->probes.error.code, "cannot probe the allocator: %.400s",
				 c->probes.error.msg);
	vec_for_each(f, &c->probes.files)
		if ((*f)->problem)
			return err_plain(e, -ENOENT, "%.400s", (*f)->problem);
	int rc = others_found(c, e);
	return rc < 0 ? rc
		      : err_plain(e, -ENOENT,
				  "no allocator found in the target: none of its files has malloc "
				  "among its symbols (a stripped static program?)");
}

/*
 * What a call costs that is not sampled: with a rate so low that none of the child's calls is. A
 * place that must be single-stepped costs the same more for every program.
 */
static int cost_measure(struct heap_collector *c, struct err *e)
{
	bool session = c->probes.kind == UPROBE_SESSION;
	enum uprobe_kind kind = session ? UPROBE_MULTI : c->probes.kind;
	struct probe_cost_program alloc[] = {
		{ .fd = bpf_object_program_fd(c->follow.object, "heap_size0"),
		  .kind = c->probes.kind },
		{ .fd = bpf_object_program_fd(c->follow.object, "heap_return"),
		  .kind = kind,
		  .is_return = true },
	};
	struct probe_cost_program release = {
		.fd = bpf_object_program_fd(c->follow.object, "heap_free"), .kind = kind
	};
	_cleanup_close_ int empty = uprobe_empty_program(c->probes.kind);
	struct probe_cost_program returns = { .fd = empty,
					      .kind = c->probes.kind,
					      .is_return = !session };
	struct probe_cost costs[] = {
		{ .programs = alloc, .n = session ? 1 : 2 },
		{ .programs = &release, .n = 1 },
		{ .programs = &release, .n = 1, .is_stepped = true },
		{ .programs = &returns, .n = 1 },
	};

	*c->rate_shift = HEAP_SHIFT_MAX;
	int rc = probe_cost_measure(costs, ARRAY_SIZE(costs), &c->probes.spent, e);
	*c->rate_shift = 0;
	if (rc == 0 && costs[ARRAY_SIZE(costs) - 1].kills)
		return err_plain(
			e, -EOPNOTSUPP,
			"this kernel kills programs that filter system calls (seccomp) when a "
			"probed function returns: update it, Linux 6.12.14, 6.13.3 and 6.14 do "
			"not");
	c->alloc_ns = costs[0].ns;
	c->free_ns = costs[1].ns;
	c->step_ns = costs[2].ns - costs[1].ns;
	calls_read(c, &c->base);
	return rc;
}

static int collector_start(struct heap_collector *c, const struct heap_options *o, struct err *e)
{
	struct follow *f = &c->follow;
	uint32_t cpus = (uint32_t)libbpf_num_possible_cpus();
	struct follow_object from = {
		.name = "cprofbpf_heap",
		.start = bpf_object_heap,
		.end = bpf_object_heap_end,
		.ring_bytes = o->rate_bytes < RATE_DENSE ? RING_BYTES_DENSE : RING_BYTES,
		.scratch_slots = cpus * HEAP_SLOTS_PER_CPU,
	};
	int rc = follow_open(f, &o->follow, &from, e);

	if (rc < 0 || (rc = object_configure(c, o, e)) < 0 ||
	    (rc = follow_load(f, &c->sites.stacks, walk_finished, process_changed, c, e)) < 0 ||
	    (rc = object_connect(c, e)) < 0 || (rc = cost_measure(c, e)) < 0 ||
	    (rc = follow_targets(f, e)) < 0)
		return rc;
	heap_probes_update(&c->probes, &f->processes, &f->files);
	c->drained_ns = clock_mono_ns();
	heap_guard_init(&c->guard, o->max_overhead, c->drained_ns);
	processes_check(&f->processes);
	window_begin(c, c->drained_ns);
	return c->probes.attachments.len ? 0 : nothing_probed(c, e);
}

int heap_collector_open(const struct heap_options *o, struct heap_collector **ret, struct err *e)
{
	struct heap_collector *c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, -ENOMEM, "cannot start profiling");
	c->counts = COUNTS_EMPTY;
	heap_sites_init(&c->sites);
	map_init(&c->lives, sizeof(uint32_t), sizeof(uint32_t));
	int rc = collector_start(c, o, e);
	if (rc < 0) {
		heap_collector_close(c);
		return rc;
	}
	*ret = c;
	return 0;
}

void heap_collector_close(struct heap_collector *c)
{
	if (!c)
		return;
	heap_probes_deinit(&c->probes);
	if (c->globals)
		munmap(c->globals, c->globals_size);
	follow_deinit(&c->follow);
	counts_deinit(&c->counts);
	heap_sites_deinit(&c->sites);
	map_deinit(&c->lives);
	free(c);
}

/* Without those whose exits are seen: they may have been left by an exception long ago. */
static uint64_t calls_in_flight(const struct heap_collector *c)
{
	struct heap_pending_key key, *last = NULL;
	struct heap_pending call;
	uint64_t n = 0;

	for (; bpf_map_get_next_key(c->pending_fd, last, &key) == 0; last = &key)
		n += bpf_map_lookup_elem(c->pending_fd, &key, &call) == 0 &&
		     (call.flags & (HEAP_SAMPLED | HEAP_EXITS)) == HEAP_SAMPLED;
	return n;
}

void heap_collector_stop(struct heap_collector *c)
{
	/* All ends at once, though it takes a while to take the breakpoints away. */
	*c->stopped = 1;
	heap_probes_detach(&c->probes);
	c->in_flight = calls_in_flight(c);
}

void heap_collector_preload(struct heap_collector *c, const char *path)
{
	follow_preload(&c->follow, path);
	for (size_t i = 0; i < c->follow.processes.by_pid.len; i++) {
		const struct process *p =
			*(struct process **)map_value_at(&c->follow.processes.by_pid, i);
		vec_for_each(file, &c->follow.files.items)
			heap_probes_attach(&c->probes, p->pid, *file, NULL);
	}
}

/* ---- Draining ------------------------------------------------------------------------------ */

static void count_add(void *sites, const void *key, const void *value)
{
	heap_sites_add(sites, key, value);
}

int heap_collector_drain(struct heap_collector *c, struct err *e)
{
	int rc = follow_drain(&c->follow, &c->counts, count_add, &c->sites, e);

	c->drained_ns = clock_mono_ns();
	heap_probes_count_ended(&c->probes, &c->follow.processes, &c->follow.files);
	return rc;
}

/* What is due by the clock. */
static int collector_due(void *collector, struct err *e)
{
	struct heap_collector *c = collector;
	uint64_t now_ns = clock_mono_ns();

	if (now_ns - c->window_ns >= HEAP_GUARD_WINDOW_NS)
		window_end(c, now_ns);
	if (!c->guard.ended)
		heap_probes_update(&c->probes, &c->follow.processes, &c->follow.files);
	if (now_ns - c->drained_ns < DRAIN_NS)
		return 0;
	processes_check(&c->follow.processes);
	if (c->sweep)
		live_sweep(c);
	return heap_collector_drain(c, e);
}

int heap_collector_poll(struct heap_collector *c, int timeout_ms, struct err *e)
{
	return follow_poll(&c->follow, timeout_ms, collector_due, c, e);
}

/* ---- Results ------------------------------------------------------------------------------- */

const struct heap_sites *heap_collector_sites(const struct heap_collector *c)
{
	return &c->sites;
}

const struct heap_probes *heap_collector_probes(const struct heap_collector *c)
{
	return &c->probes;
}

struct follow *heap_collector_follow(struct heap_collector *c)
{
	return &c->follow;
}

void heap_collector_counters(const struct heap_collector *c, struct heap_counters *ret)
{
	const struct follow *f = &c->follow;

	struct heap_cpu calls;

	calls_read(c, &calls);
	*ret = (struct heap_counters){
		.allocs = calls.allocs - c->base.allocs,
		.frees = calls.frees - c->base.frees,
		.sampled = calls.sampled - c->base.sampled,
		.recording_ns = calls.recording_ns - c->base.recording_ns,
		.exits = calls.exits - c->base.exits,
		.live = *c->live_count,
		.shift = *c->rate_shift,
		.failed = follow_counter(f, HEAP_FAILED),
		.reused = follow_counter(f, HEAP_REUSED),
		.nested = follow_counter(f, HEAP_NESTED),
		.ring = follow_counter(f, COUNTER_LOST_RING),
		.counts = follow_counter(f, COUNTER_LOST_COUNTS),
		.store = c->sites.lost_full,
		.stack = c->sites.lost_unknown + f->events.malformed,
		.scratch = follow_counter(f, HEAP_LOST_SCRATCH),
		.pending = follow_counter(f, HEAP_LOST_PENDING),
		.returns = follow_counter(f, HEAP_LOST_RETURN) + c->in_flight,
		.untracked = follow_counter(f, HEAP_LOST_LIVE),
		.unfollowed = follow_unfollowed(f),
		.deferred = f->events.deferred,
	};
}

/* Whether the kernel must single-step at the usual call of a kind, malloc or free. */
static bool is_stepped(const struct heap_collector *c, enum alloc_call call)
{
	vec_for_each(f, &c->probes.files)
		vec_for_each(probe, &(*f)->probes.items)
			if (probe->call == call)
				return !probe->emulated;
	return false;
}

const struct heap_guard *heap_collector_guard(const struct heap_collector *c)
{
	return &c->guard;
}

void heap_collector_cost(const struct heap_collector *c, double *alloc_ns, double *free_ns,
			 double *exit_ns)
{
	*alloc_ns = c->alloc_ns + (is_stepped(c, ALLOC_SIZE0) ? c->step_ns : 0);
	*free_ns = c->free_ns + (is_stepped(c, ALLOC_FREE) ? c->step_ns : 0);
	*exit_ns = c->free_ns + c->step_ns;
}
