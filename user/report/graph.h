/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The call graph of a report: nodes are functions (or files, lines, addresses, as aggregated),
 * edges are calls. Building it takes time linear in the frames of all samples.
 */
#pragma once

#include "base/map.h"
#include "report/graph_tags.h"
#include "report/report.h"

#define GRAPH_NONE UINT32_MAX

/** What makes two frames the same node. Strings are numbers of the profile, unique by content. */
struct graph_info {
	uint64_t address;
	int64_t line, column, start_line;
	uint32_t name, file, objfile;
	uint32_t zero; /* padding, for comparing bytes */
};

struct graph_node {
	struct graph_info info;
	int64_t flat, flat_div, cum, cum_div;
	uint32_t *in, *out; /* numbers of edges, owned by the graph */
	uint32_t in_len, out_len;
	char *name; /* see graph_name(); owned */
};

struct graph_edge {
	uint32_t src, dest;
	int64_t weight, weight_div;
	bool residual; /* passes over nodes that were left out */
	bool inlined;  /* every one of its calls was inlined */
	bool removed;
	uint32_t seen; /* while weights are added: the last sample that has it, + 1 */
};

struct graph {
	struct profile *profile;
	vec_of(struct graph_node) nodes; /* all that the profile can have */
	uint32_t *order;                 /* the nodes of the graph, in its order */
	size_t order_len;
	vec_of(struct graph_edge) edges;

	/* The nodes of location i are frames[frame_ends[i - 1] .. frame_ends[i]), leaf first. */
	vec_of(uint32_t) frames;
	vec_of(size_t) frame_ends;

	uint32_t *adjacency;     /* what node.in and node.out point into */
	struct map *by_info;     /* struct graph_info -> uint32_t, while nodes are made */
	struct graph_tags *tags; /* in pictures only */
	/* In a call tree: the parent of each node, and the node of the plain graph it is of. */
	uint32_t *parents, *functions;
};

/** Make the nodes of all locations of the report's profile. On failure *g needs no deinit. */
int graph_init(struct graph *g, const struct report *r, struct err *e);
void graph_deinit(struct graph *g);

/**
 * Weigh nodes and edges by the samples, from scratch. `kept` (a flag for each of g->nodes) limits
 * the graph, NULL: all. Without `edges` none are made. g->order has the nodes that weigh something,
 * in no useful order.
 */
int graph_build(struct graph *g, const struct report *r, const bool *kept, bool edges,
		struct err *e);

/**
 * Call `add` for each sample that weighs something, with what it weighs and what -mean divides by,
 * the graph's tags ready for it; 0 or -ENOMEM.
 */
int graph_add_samples(struct graph *g, const struct report *r,
		      int (*add)(void *context, size_t sample, int64_t w, int64_t dw),
		      void *context);

/**
 * Whether a weighed node is in the graph: one that weighs nothing is not, nor with -drop_negative
 * one whose own weight is negative, or that has none and whose sum is.
 */
bool graph_has(const struct graph_node *n, const struct report *r);

/**
 * Turn the graph into a call tree: a node for each context. graph_build() then cannot be used any
 * more; trim with graph_tree_trim().
 */
int graph_tree_build(struct graph *g, const struct report *r, struct err *e);

/** Take out the nodes that are not kept: their children are called by their parents. */
void graph_tree_trim(struct graph *g, const bool *kept);

/** Move edges from a list of all ends into g, and give each node its lists; 0 or -ENOMEM. */
int graph_link(struct graph *g);

/** Take out edges that pass over left-out nodes where another path shows the connection. */
int graph_drop_redundant(struct graph *g, struct err *e);

/** A flat or cumulative value, the mean if there is a divisor. */
static inline int64_t graph_flat(const struct graph_node *n)
{
	return report_mean(n->flat, n->flat_div);
}

static inline int64_t graph_cum(const struct graph_node *n)
{
	return report_mean(n->cum, n->cum_div);
}

/** A node's printable name: address, function, file:line:column as far as known. */
const char *graph_name(struct graph *g, uint32_t node);

enum graph_sort { GRAPH_BY_FLAT, GRAPH_BY_CUM, GRAPH_BY_ENTROPY };

/** Sort g->order. */
void graph_sort(struct graph *g, enum graph_sort by);

/** Sort a list of edges: heaviest first, then by names. */
void graph_sort_edges(struct graph *g, uint32_t *edges, size_t count);

/** What trimming left out. */
struct graph_trimmed {
	size_t orig_nodes;    /* nodes before -nodecount */
	size_t dropped_nodes; /* below -nodefraction */
	size_t dropped_edges; /* below -edgefraction */
};

/**
 * Make the graph that a report shows: built, trimmed and sorted as its options say. Without
 * `edges` none are made. On failure *g needs no deinit.
 */
int graph_init_trimmed(struct graph *g, struct report *r, bool edges, struct graph_trimmed *t,
		       struct err *e);

/** The flat values of all nodes in the graph. */
int64_t graph_total(const struct graph *g);
