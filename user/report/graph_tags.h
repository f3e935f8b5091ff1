/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The labels of the samples of each node, for pictures. Private to this room. */
#pragma once

#include "base/map.h"
#include "report/report.h"

/**
 * A combination of string labels, or the value of a numeric label under such a combination. Of
 * numeric labels only "bytes" is shown.
 */
struct graph_tag {
	uint32_t node;
	uint32_t labels; /* string: "key:value\nkey:value", the \n as two characters; 0: none */
	uint32_t name;   /* string: the labels again, or the value as text */
	bool numeric;
	int64_t value; /* of a numeric label ... */
	uint32_t unit; /* ... and its unit */
	int64_t flat, flat_div, cum, cum_div;
	bool removed;
};

struct graph_tags {
	vec_of(struct graph_tag) items; /* by node once graph_tags_end() was called */
	struct map by_key;

	uint32_t labels; /* of the sample being added */
	vec_of(struct graph_tag) numbers;
};

void graph_tags_init(struct graph_tags *t);
void graph_tags_deinit(struct graph_tags *t);

/** Forget all tags. */
void graph_tags_clear(struct graph_tags *t);

/** Take up the labels of a sample; 0 or -ENOMEM. */
int graph_tags_begin(struct graph_tags *t, const struct report *r, size_t sample);

/** Add the sample's weight to its tags at a node; 0 or -ENOMEM. */
int graph_tags_add(struct graph_tags *t, uint32_t node, int64_t w, int64_t dw, bool flat);

/** All samples are added: sort by node. */
void graph_tags_end(struct graph_tags *t);

/** The tags of a node; *count tells how many. */
const struct graph_tag *graph_tags_of(const struct graph_tags *t, uint32_t node, size_t *count);

/** Remove tags whose weights are below a cutoff. */
void graph_tags_trim(struct graph_tags *t, int64_t cutoff);

/** How many tags of a node have a flat weight. */
size_t graph_tags_count(const struct graph_tags *t, uint32_t node);

static inline int64_t graph_tag_flat(const struct graph_tag *t)
{
	return report_mean(t->flat, t->flat_div);
}

static inline int64_t graph_tag_cum(const struct graph_tag *t)
{
	return report_mean(t->cum, t->cum_div);
}
