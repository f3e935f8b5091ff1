// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "collect/heap.h"
#include "profile/build.h"
#include "session/building.h"
#include "session/heap_weight.h"
#include "session/kind.h"
#include "session/labels.h"

/* Frames of allocators, beside those of the functions that were probed: matched against the name up
 * to its parameters. */
#define DROP_FRAMES                                                                                \
	"(__libc_|je_|tc_|mi_|__)?(malloc|calloc|realloc|reallocarray|memalign|aligned_alloc|"     \
	"posix_memalign|valloc|pvalloc)|operator new(\\[\\])?"

struct heap_state {
	struct heap_collector *collector;
	struct map nested; /* u64[2] stack -> bool: an allocator called itself */
	struct proc_smaps resident;
	bool stopped;
};

static int heap_open(const struct session_options *o, void **ret, struct err *e)
{
	struct heap_options options = {
		.follow = {
			.pids = o->pids,
			.npids = o->npids,
			.children = o->children,
			.label_tid = o->labels & SESSION_LABEL_TID,
			.label_cpu = o->labels & SESSION_LABEL_CPU,
			.label_thread = o->labels & SESSION_LABEL_THREAD,
		},
		.rate_bytes = o->heap.rate_bytes,
		.max_live = o->heap.max_live,
		.allocators = ALLOCATORS_ALL,
		.max_overhead = o->heap.max_overhead,
	};
	int rc = 0;

	if (o->all)
		return err_plain(e, -EINVAL,
				 "the heap of all processes cannot be profiled at once");
	if (o->heap.allocators)
		rc = allocators_parse(o->heap.allocators, &options.allocators, e);
	if (rc == 0)
		rc = uprobe_kind_choose(o->heap.probes, &options.kind, e);
	if (rc < 0)
		return rc;
	struct heap_state *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "cannot open a session");
	map_init(&s->nested, 2 * sizeof(uint64_t), sizeof(bool));
	rc = heap_collector_open(&options, &s->collector, e);
	if (rc < 0) {
		free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

static void heap_close(void *state)
{
	struct heap_state *s = state;

	heap_collector_close(s->collector);
	map_deinit(&s->nested);
	free(s);
}

static struct follow *heap_follow(void *state)
{
	return heap_collector_follow(((struct heap_state *)state)->collector);
}

static void heap_preload(void *state, const char *path)
{
	heap_collector_preload(((struct heap_state *)state)->collector, path);
}

static int heap_poll(void *state, int timeout_ms, struct err *e)
{
	return heap_collector_poll(((struct heap_state *)state)->collector, timeout_ms, e);
}

static int heap_drain(void *state, struct err *e)
{
	return heap_collector_drain(((struct heap_state *)state)->collector, e);
}

/* Best effort: a target may just have ended. */
static void resident_read(struct heap_state *s)
{
	const struct processes *ps = &heap_follow(s)->processes;

	s->resident = (struct proc_smaps){ 0 };
	for (size_t i = 0; i < ps->by_pid.len; i++) {
		const struct process *p = *(struct process **)map_value_at(&ps->by_pid, i);
		if (p->target && p->alive)
			proc_smaps_add(&s->resident, p->pid, NULL);
	}
}

static void heap_stop(void *state)
{
	struct heap_state *s = state;

	resident_read(s);
	heap_collector_stop(s->collector);
	s->stopped = true;
}

/* ---- Nested calls -------------------------------------------------------------------------- */

/*
 * Whether a frame lies in a function of an allocator that is counted for what it allocates: one
 * that passes calls on to another leaves the counting to that.
 */
static bool frame_allocates(const struct heap_probes *probes, uint64_t frame)
{
	const struct alloc_probes *of =
		heap_probes_of(probes, (uint32_t)(frame >> UNWIND_FRAME_OFFSET_BITS));
	uint64_t address = frame & UNWIND_FRAME_OFFSET_MASK;

	if (!of)
		return false;
	vec_for_each(probe, &of->items) {
		bool counts =
			probe->call == ALLOC_POSIX_MEMALIGN || !probe->passes_on || probe->nests;

		if (probe->call != ALLOC_FREE && counts && address >= probe->entry &&
		    address < probe->end)
			return true;
	}
	return false;
}

static bool frame_is_signal(const struct code_files *files, uint64_t frame)
{
	const struct code_file *code =
		code_files_at(files, (uint32_t)(frame >> UNWIND_FRAME_OFFSET_BITS));

	return code && code_file_returns_from_signal(code, frame & UNWIND_FRAME_OFFSET_MASK);
}

/*
 * Whether an allocating function was called by another one, which is counted for both, and not by a
 * signal's handler that has interrupted that.
 */
static bool frames_are_nested(const struct heap_probes *probes, const struct code_files *files,
			      const uint64_t *frames, uint32_t len)
{
	uint32_t outer = 1;

	while (outer < len && !frame_allocates(probes, frames[outer]))
		outer++;
	if (outer == len)
		return false;
	for (uint32_t i = 1; i < outer; i++)
		if (frame_is_signal(files, frames[i]))
			return false;
	return true;
}

/* Told by the stack, so that nothing need be remembered for each thread. */
static bool stack_is_nested(struct heap_state *s, const struct heap_key *key)
{
	const struct heap_sites *sites = heap_collector_sites(s->collector);
	const struct sample_stack *stack = heap_sites_stack(sites, key);
	bool added;
	bool *nested = map_put(&s->nested, key->sample.stack, &added);

	if (!nested || !added)
		return nested && *nested;
	*nested = frames_are_nested(heap_collector_probes(s->collector), &heap_follow(s)->files,
				    &sites->stacks.frames.items[stack->start], stack->len);
	return *nested;
}

/* ---- Figures ------------------------------------------------------------------------------- */

/* What a key stands for: estimates of all its allocations, and of those in use. */
struct heap_line {
	double alloc_objects, alloc_bytes, inuse_objects, inuse_bytes;
};

static struct heap_line line_of(const struct heap_state *s, const struct session_options *o,
				const struct heap_key *key, const struct heap_value *value)
{
	double weight = heap_weight(key->size, o->heap.rate_bytes << key->shift) *
			(double)(1U << key->skip);
	double allocs = (double)value->allocs * weight, inuse = 0;

	if (value->allocs > value->frees &&
	    (o->heap.keep_ended || heap_collector_lives(s->collector, key)))
		inuse = (double)(value->allocs - value->frees) * weight;
	return (struct heap_line){ allocs, allocs * (double)key->size, inuse,
				   inuse * (double)key->size };
}

static void stats_sites(struct heap_state *s, struct session_figures *f, struct session_stats *ret)
{
	const struct heap_sites *sites = heap_collector_sites(s->collector);

	for (size_t i = 0; i < sites->counts.len; i++) {
		const struct heap_key *key = map_key_at(&sites->counts, i);
		const struct heap_value *value = map_value_at(&sites->counts, i);

		if (stack_is_nested(s, key)) {
			f->heap.nested += value->allocs;
			continue;
		}
		ret->samples += value->allocs;
		ret->user_samples += value->allocs;
		if (key->sample.end == UNWIND_END_COMPLETE)
			ret->complete += value->allocs;
		else if (key->sample.end == UNWIND_END_TRUNCATED)
			ret->truncated += value->allocs;
		else
			incomplete_add(&f->incomplete, &key->sample, &sites->stacks,
				       &heap_follow(s)->files, value->allocs);
		struct heap_line line = line_of(s, f->options, key, value);
		f->heap.alloc_objects += line.alloc_objects;
		f->heap.alloc_bytes += line.alloc_bytes;
		f->heap.inuse_objects += line.inuse_objects;
		f->heap.inuse_bytes += line.inuse_bytes;
	}
}

static const char *probe_end(const struct alloc_probe *probe)
{
	if (probe->call == ALLOC_FREE)
		return "entry";
	return probe->returns ? "with its return"
	       : probe->exits ? "with its exits"
			      : "entry only, never in use";
}

static void stats_probes(const struct heap_probes *probes, const struct code_files *files,
			 struct session_figures *f)
{
	f->probes.len = 0;
	vec_for_each(file, &probes->files) {
		const struct code_file *code = code_files_at(files, (*file)->number);

		vec_for_each(probe, &(*file)->probes.items) {
			struct session_probe row = {
				.file = code->path,
				.function = probe->name,
				.offset = probe->offset,
				.from_entry = (int64_t)(probe->place - probe->entry),
				.emulated = probe->emulated,
				.what = probe_end(probe),
				.why = probe->why,
			};
			if (vec_push(&f->probes, row) < 0)
				return;
		}
		vec_for_each(exit, &(*file)->probes.exits) {
			struct session_probe row = {
				.file = code->path,
				.function = exit->name,
				.offset = exit->offset,
				.from_entry = (int64_t)(exit->vaddr - exit->entry),
				.what = "exit",
				.why = "a return probe would harm exceptions",
			};
			if (vec_push(&f->probes, row) < 0)
				return;
		}
	}
}

static void heap_stats(void *state, struct session_figures *f, struct session_stats *ret)
{
	struct heap_state *s = state;
	const struct heap_probes *probes = heap_collector_probes(s->collector);
	struct session_heap_stats *heap = &f->heap;
	struct heap_counters now;

	heap_collector_counters(s->collector, &now);
	*heap = (struct session_heap_stats){
		.link = uprobe_kind_name(probes->kind),
		.allocs = now.allocs,
		.frees = now.frees,
		.sampled = now.sampled,
		.rate_bytes = f->options->heap.rate_bytes << now.shift,
		.raised = now.shift,
		.live = now.live,
		.untracked = now.untracked,
		.failed = now.failed,
		.reused = now.reused,
		.nested = now.nested,
		.resident = s->resident,
		.probe_errors = probes->attach_errors,
		.probe_error = probes->attach_errors ? probes->error.msg : NULL,
		.unprobed = probes->unprobed,
		.late = probes->late,
		.late_ns = probes->late_ns,
	};
	const struct heap_guard *guard = heap_collector_guard(s->collector);
	heap->windows = guard->windows;
	heap->windows_on = guard->windows_on;
	heap->ended = guard->ended;
	heap_collector_cost(s->collector, &heap->alloc_ns, &heap->free_ns, &heap->exit_ns);
	heap->exits = now.exits;
	heap->cost_ns = (double)now.allocs * heap->alloc_ns + (double)now.frees * heap->free_ns +
			(double)now.exits * heap->exit_ns + (double)now.recording_ns;
	stats_sites(s, f, ret);
	stats_probes(probes, &heap_follow(s)->files, f);
	heap->probes = f->probes.items;
	heap->probes_len = f->probes.len;
	ret->heap = heap;
	ret->finished_walks = now.deferred;
	ret->unfollowed = now.unfollowed;
	ret->not_installed = heap_follow(s)->processes.not_installed;
	session_add_loss(f, ret, "ring buffer full", now.ring);
	session_add_loss(f, ret, "table of counts full", now.counts);
	session_add_loss(f, ret, "memory for stacks used up", now.store);
	session_add_loss(f, ret, "stack did not arrive", now.stack);
	session_add_loss(f, ret, "no room for the walk", now.scratch);
	session_add_loss(f, ret, "too many calls in flight", now.pending);
	session_add_loss(f, ret, "return not seen", now.returns);
}

/* ---- The profile --------------------------------------------------------------------------- */

/* The estimates are summed before they are rounded: each allocation has a weight of its own. */
static int lines_merge(struct heap_state *s, struct building *b)
{
	for (size_t i = 0; i < b->counts->len; i++) {
		const struct heap_key *from = map_key_at(b->counts, i);
		if (stack_is_nested(s, from))
			continue;
		struct heap_line line = line_of(s, b->options, from, map_value_at(b->counts, i));
		struct heap_key key = *from;
		labels_hide(b->labels, &key.sample);
		key.shift = key.skip = 0;
		key.life = 0;
		struct heap_line *sum = map_put(&b->lines, &key, NULL);
		if (!sum)
			return -ENOMEM;
		sum->alloc_objects += line.alloc_objects;
		sum->alloc_bytes += line.alloc_bytes;
		sum->inuse_objects += line.inuse_objects;
		sum->inuse_bytes += line.inuse_bytes;
	}
	return 0;
}

/* The power of two that an allocation fits into: "33-64 B". */
static struct profile_label size_label(struct profile *p, uint64_t size)
{
	uint64_t top = 1;
	char text[64];

	while (top < size && top < 1ULL << 62)
		top <<= 1;
	if (top <= 2)
		snprintf(text, sizeof(text), "%lu B", size);
	else
		snprintf(text, sizeof(text), "%lu-%lu B", top / 2 + 1, top);
	return (struct profile_label){
		.key = profile_intern_cstr(p, "size"),
		.str = profile_intern_cstr(p, text),
	};
}

static void lines_add(struct heap_state *s, struct building *b)
{
	const struct heap_sites *sites = heap_collector_sites(s->collector);
	struct profile *p = b->profile;

	for (size_t i = 0; i < b->lines.len; i++) {
		const struct heap_key *key = map_key_at(&b->lines, i);
		const struct heap_line *line = map_value_at(&b->lines, i);
		int64_t values[] = { llround(line->alloc_objects), llround(line->alloc_bytes),
				     llround(line->inuse_objects), llround(line->inuse_bytes) };
		struct profile_label labels[LABELS_MAX + 2];
		size_t n = labels_make(p, b->labels, &key->sample, labels), depth;
		const uint32_t *stack = locations_of(&b->locations, &sites->stacks,
						     heap_sites_stack(sites, key), &depth);

		if (b->labels & SESSION_LABEL_SIZE)
			labels[n++] = size_label(p, key->size);
		labels[n++] = (struct profile_label){
			.key = profile_intern_cstr(p, "bytes"),
			.unit = profile_intern_cstr(p, "bytes"),
			.num = (int64_t)key->size,
		};
		profile_add_sample(p, stack, depth, values, labels, n);
	}
}

static int drop_frames_set(const struct heap_probes *probes, struct profile *p)
{
	struct buf text = { 0 };

	buf_printf(&text, "%s", DROP_FRAMES);
	vec_for_each(file, &probes->files)
		vec_for_each(probe, &(*file)->probes.items)
			if (probe->call != ALLOC_FREE && probe->name[0] != '_')
				buf_printf(&text, "|%s", probe->name);
	if (text.error == 0)
		p->drop_frames = profile_intern(p, text.data, text.len);
	int rc = text.error;
	buf_deinit(&text);
	return rc;
}

static int heap_fill(void *state, struct building *b)
{
	struct heap_state *s = state;
	struct profile *p = b->profile;

	profile_add_sample_type(p, "alloc_objects", "count");
	profile_add_sample_type(p, "alloc_space", "bytes");
	profile_add_sample_type(p, "inuse_objects", "count");
	profile_add_sample_type(p, "inuse_space", "bytes");
	profile_set_period(p, "space", "bytes", (int64_t)b->options->heap.rate_bytes);
	if (b->options->heap.alloc_default)
		profile_set_default_sample_type(p, "alloc_space");
	int rc = lines_merge(s, b);
	if (rc < 0)
		return rc;
	lines_add(s, b);
	return drop_frames_set(heap_collector_probes(s->collector), p);
}

/* The executable of the first target. */
static const struct code_file *main_file(const struct follow *f)
{
	for (size_t i = 0; i < f->processes.by_pid.len; i++) {
		const struct process *p = *(struct process **)map_value_at(&f->processes.by_pid, i);
		if (p->target && p->exe)
			return code_files_at(&f->files, p->exe);
	}
	return NULL;
}

static int heap_build(void *state, const struct session_options *o, struct profile **ret,
		      struct symbolize_stats *names, struct err *e)
{
	struct heap_state *s = state;
	struct building b = {
		.options = o,
		.follow = heap_follow(s),
		.counts = &heap_collector_sites(s->collector)->counts,
		.first = main_file(heap_follow(s)),
		.key_size = sizeof(struct heap_key),
		.value_size = sizeof(struct heap_line),
		.fill = heap_fill,
		.ctx = s,
	};

	if (!s->stopped)
		resident_read(s);
	return building_run(&b, ret, names, e);
}

const struct session_kind_ops session_kind_heap = {
	.open = heap_open,
	.close = heap_close,
	.follow = heap_follow,
	.preload = heap_preload,
	.poll = heap_poll,
	.drain = heap_drain,
	.stop = heap_stop,
	.stats = heap_stats,
	.build = heap_build,
};
