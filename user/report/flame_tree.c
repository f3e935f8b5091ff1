// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Samples are split by their outermost frame, each part by the next one, and so on; a part that is
 * too narrow to be seen is not split any further, which is what makes this fast.
 */
#include "report/flame_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/value.h"

/* How far a sample's stack is walked, from the root. */
struct place {
	uint32_t locations; /* not yet begun */
	uint32_t frames;    /* not yet seen of the location at hand */
};

/* What a frame's samples weigh, while its parent is split. */
struct part {
	uint64_t width;
	int64_t value, base;
	uint32_t samples, at; /* how many, and where they go in the order */
	uint32_t node;
	bool inlined;
};

/* A frame whose samples are order[first .. end). */
struct task {
	uint32_t frame;
	size_t first, end;
};

struct builder {
	struct flame_tree *t;
	const struct report *r;
	const struct graph *g;
	uint64_t threshold;
	uint32_t *order, *moved; /* samples */
	uint32_t *nodes;         /* the next node of order[i], or GRAPH_NONE at the leaf */
	struct place *places;    /* by sample */
	bool *is_base;           /* by sample; NULL if there is no base */
	uint32_t *part_of;       /* by node: number of its part + 1 */
	vec_of(struct part) parts;
	vec_of(struct task) tasks;
};

static uint64_t width_of(const struct builder *b, uint32_t sample)
{
	return (uint64_t)report_abs(report_value(b->r, sample));
}

/* Move on by a frame; GRAPH_NONE at the end of the stack. */
static uint32_t next_node(struct builder *b, uint32_t sample, bool *inlined)
{
	const struct graph *g = b->g;
	struct place *at = &b->places[sample];
	size_t depth;
	const uint32_t *stack = profile_stack(g->profile, sample, &depth);

	if (at->frames == 0 && at->locations == 0)
		return GRAPH_NONE;
	if (at->frames == 0)
		at->locations--;
	uint32_t location = stack[at->locations];
	size_t first = location ? g->frame_ends.items[location - 1] : 0;
	uint32_t count = (uint32_t)(g->frame_ends.items[location] - first);
	if (at->frames == 0)
		at->frames = count;
	at->frames--;
	*inlined = at->frames != count - 1;
	return g->frames.items[first + at->frames];
}

static void add_weight(struct builder *b, uint32_t sample, struct part *p)
{
	int64_t v = report_value(b->r, sample);

	p->width += width_of(b, sample);
	if (b->is_base && b->is_base[sample])
		p->base -= v;
	else
		p->value += v;
}

/* Weigh the next frames of a task's samples. */
static int weigh_parts(struct builder *b, const struct task *task)
{
	b->parts.len = 0;
	for (size_t i = task->first; i < task->end; i++) {
		bool inlined = false;
		uint32_t node = next_node(b, b->order[i], &inlined);
		b->nodes[i] = node;
		if (node == GRAPH_NONE)
			continue;
		if (b->part_of[node] == 0) {
			struct part p = { .node = node, .inlined = true };
			if (vec_push(&b->parts, p) < 0)
				return -ENOMEM;
			b->part_of[node] = (uint32_t)b->parts.len;
		}
		struct part *p = &b->parts.items[b->part_of[node] - 1];
		p->inlined &= inlined;
		p->samples++;
		add_weight(b, b->order[i], p);
	}
	return 0;
}

/* Bring the samples of each part that is wide enough together. */
static void sort_samples(struct builder *b, const struct task *task)
{
	size_t at = task->first;

	vec_for_each(p, &b->parts) {
		p->at = (uint32_t)at;
		if (p->width >= b->threshold)
			at += p->samples;
	}
	for (size_t i = task->first; i < task->end; i++) {
		if (b->nodes[i] == GRAPH_NONE)
			continue;
		struct part *p = &b->parts.items[b->part_of[b->nodes[i]] - 1];
		if (p->width >= b->threshold)
			b->moved[p->at++] = b->order[i];
	}
	memcpy(b->order + task->first, b->moved + task->first,
	       (at - task->first) * sizeof(*b->order));
}

static int compare_parts(const void *pa, const void *pb)
{
	const struct part *a = pa, *b = pb;

	if (a->width != b->width)
		return a->width > b->width ? -1 : 1;
	return a->node < b->node ? -1 : a->node > b->node;
}

static int add_children(struct builder *b, const struct task *task)
{
	struct flame_tree *t = b->t;
	uint64_t start = t->frames.items[task->frame].start;

	vec_for_each(p, &b->parts)
		b->part_of[p->node] = 0;
	if (b->parts.len > 0)
		qsort(b->parts.items, b->parts.len, sizeof(*b->parts.items), compare_parts);
	vec_for_each(p, &b->parts) {
		struct flame_frame *parent = &t->frames.items[task->frame];
		if (p->width < b->threshold || p->width == 0) {
			parent->folded++;
			t->folded++;
			continue;
		}
		struct flame_frame f = {
			.node = p->node,
			.parent = task->frame,
			.depth = parent->depth + 1,
			.inlined = p->inlined,
			.start = start,
			.width = p->width,
			.value = p->value,
			.base = p->base,
		};
		struct task next = { (uint32_t)t->frames.len, p->at - p->samples, p->at };
		start += p->width;
		t->depth = f.depth > t->depth ? f.depth : t->depth;
		if (vec_push(&t->frames, f) < 0 || vec_push(&b->tasks, next) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int build(struct builder *b)
{
	const struct profile *p = b->r->profile;
	struct part all = { 0 };

	for (uint32_t i = 0; i < p->sample_count; i++) {
		size_t depth;
		profile_stack(p, i, &depth);
		b->order[i] = i;
		b->places[i].locations = (uint32_t)depth;
		if (b->is_base)
			b->is_base[i] = profile_is_base(p, i);
		if (b->is_base && b->is_base[i])
			b->t->difference = true;
		add_weight(b, i, &all);
	}
	b->threshold = all.width / b->threshold;
	if (b->threshold == 0)
		b->threshold = 1;
	struct flame_frame root = {
		.node = GRAPH_NONE,
		.parent = GRAPH_NONE,
		.width = all.width,
		.value = all.value,
		.base = all.base,
	};
	struct task first = { 0, 0, p->sample_count };
	if (vec_push(&b->t->frames, root) < 0 || vec_push(&b->tasks, first) < 0)
		return -ENOMEM;
	while (b->tasks.len > 0) {
		struct task task = b->tasks.items[--b->tasks.len];
		if (weigh_parts(b, &task) < 0)
			return -ENOMEM;
		sort_samples(b, &task);
		if (add_children(b, &task) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int compare_widths(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return a > b ? -1 : a < b;
}

/* Leave out the narrowest frames until `max` are left: a child is never wider than its parent. */
static int limit_frames(struct flame_tree *t, size_t max)
{
	size_t count = t->frames.len, kept = 0;

	if (count <= max)
		return 0;
	_cleanup_free_ uint64_t *widths = malloc(count * sizeof(*widths));
	_cleanup_free_ uint32_t *to = malloc(count * sizeof(*to));
	if (!widths || !to)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		widths[i] = t->frames.items[i].width;
	qsort(widths, count, sizeof(*widths), compare_widths);
	t->depth = 0;
	for (size_t i = 0; i < count; i++) {
		struct flame_frame f = t->frames.items[i];
		if (i > 0 && f.width <= widths[max]) {
			/* Its parent may have gone before it. */
			to[i] = f.parent == GRAPH_NONE ? 0 : to[f.parent];
			t->frames.items[to[i]].folded += 1 + f.folded;
			t->folded++;
			continue;
		}
		if (i > 0)
			f.parent = to[f.parent];
		t->depth = f.depth > t->depth ? f.depth : t->depth;
		to[i] = (uint32_t)kept;
		t->frames.items[kept++] = f;
	}
	t->frames.len = kept;
	return 0;
}

int flame_tree_init(struct flame_tree *t, const struct report *r, const struct graph *g,
		    uint64_t resolution, size_t frames_max, struct err *e)
{
	size_t samples = r->profile->sample_count + 1;
	_cleanup_free_ uint32_t *order = malloc(samples * sizeof(*order));
	_cleanup_free_ uint32_t *moved = malloc(samples * sizeof(*moved));
	_cleanup_free_ uint32_t *nodes = malloc(samples * sizeof(*nodes));
	_cleanup_free_ struct place *places = calloc(samples, sizeof(*places));
	_cleanup_free_ bool *is_base = calloc(samples, sizeof(*is_base));
	_cleanup_free_ uint32_t *part_of = calloc(g->nodes.len + 1, sizeof(*part_of));
	struct builder b = {
		.t = t,
		.r = r,
		.g = g,
		.threshold = resolution,
		.order = order,
		.moved = moved,
		.nodes = nodes,
		.places = places,
		.is_base = r->profile->label_ends.len ? is_base : NULL,
		.part_of = part_of,
	};

	*t = (struct flame_tree){ 0 };
	int rc = -ENOMEM;
	if (order && moved && nodes && places && is_base && part_of)
		rc = build(&b);
	if (rc == 0)
		rc = limit_frames(t, frames_max);
	vec_deinit(&b.parts);
	vec_deinit(&b.tasks);
	if (rc < 0) {
		flame_tree_deinit(t);
		return err_set(e, rc, "cannot build the flame graph");
	}
	return 0;
}

void flame_tree_deinit(struct flame_tree *t)
{
	vec_deinit(&t->frames);
}
