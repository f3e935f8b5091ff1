/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The frames of a flame graph: a call tree without what would be too narrow to see. Building it
 * takes time linear in the frames of the samples that are seen. Private to this room.
 */
#pragma once

#include "report/graph.h"

struct flame_frame {
	uint32_t node; /* number of graph.nodes; GRAPH_NONE: the root, "all" */
	uint32_t parent;
	uint32_t depth;  /* of the root: 0 */
	uint32_t folded; /* frames below this one that are too narrow */
	bool inlined;
	uint64_t start, width; /* sums of absolute values; start counts from the left */
	int64_t value;         /* the sum; in a difference that of the profile ... */
	int64_t base;          /* ... and that of its base */
};

struct flame_tree {
	/* Parents come before children, siblings from wide to narrow. */
	vec_of(struct flame_frame) frames;
	uint32_t depth;  /* of the deepest frame */
	size_t folded;   /* in all */
	bool difference; /* there are samples of a base */
};

/** Frames narrower than 1/resolution of the total are left out, and more if there are too many. */
int flame_tree_init(struct flame_tree *t, const struct report *r, const struct graph *g,
		    uint64_t resolution, size_t frames_max, struct err *e);
void flame_tree_deinit(struct flame_tree *t);
