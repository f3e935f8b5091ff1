/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The frames of whole stacks, inlined ones too, from the root on. Private to this room. */
#pragma once

#include "report/graph.h"

/**
 * A walk over the frames of a sample:
 *
 *     struct stack_walk w = stack_walk_init(g, sample);
 *     while (stack_walk_next(&w)) use(w.node, w.inlined);
 */
struct stack_walk {
	const struct graph *g;
	const uint32_t *stack;
	size_t left;         /* locations not yet begun */
	size_t first, frame; /* of the location's frames: [first, frame) are not yet seen */
	size_t end;
	uint32_t node; /* number of g->nodes */
	bool inlined;  /* into the frame before */
};

static inline struct stack_walk stack_walk_init(const struct graph *g, size_t sample)
{
	struct stack_walk w = { .g = g };

	w.stack = profile_stack(g->profile, sample, &w.left);
	return w;
}

static inline bool stack_walk_next(struct stack_walk *w)
{
	if (w->frame == w->first) {
		if (w->left == 0)
			return false;
		uint32_t location = w->stack[--w->left];
		w->first = location ? w->g->frame_ends.items[location - 1] : 0;
		w->frame = w->end = w->g->frame_ends.items[location];
	}
	w->frame--;
	w->node = w->g->frames.items[w->frame];
	w->inlined = w->frame != w->end - 1;
	return true;
}
