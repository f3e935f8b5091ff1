// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* -call_tree: a node for each context in which a function was called. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/graph.h"

struct context_key {
	uint32_t parent, function;
};

struct tree_node {
	struct graph_node node;
	uint32_t parent, function;
	bool inlined; /* in all of its calls */
};

struct tree_builder {
	struct graph *g;
	vec_of(struct tree_node) nodes;
	struct map contexts; /* struct context_key -> uint32_t */
};

/* The node of a function below a parent. */
static uint32_t find_context(struct tree_builder *b, uint32_t parent, uint32_t function)
{
	struct context_key key = { parent, function };
	bool added;
	uint32_t *index = map_put(&b->contexts, &key, &added);
	if (!index)
		return GRAPH_NONE;
	if (added) {
		struct tree_node n = {
			.node.info = b->g->nodes.items[function].info,
			.parent = parent,
			.function = function,
			.inlined = true,
		};
		*index = (uint32_t)b->nodes.len;
		if (vec_push(&b->nodes, n) < 0)
			return GRAPH_NONE;
	}
	return *index;
}

static int add_sample(void *context, size_t sample, int64_t w, int64_t dw)
{
	struct tree_builder *b = context;
	const struct graph *g = b->g;
	uint32_t at = GRAPH_NONE;
	size_t depth;
	const uint32_t *stack = profile_stack(g->profile, sample, &depth);

	for (size_t i = depth; i-- > 0;) {
		size_t first = stack[i] ? g->frame_ends.items[stack[i] - 1] : 0;
		size_t end = g->frame_ends.items[stack[i]];
		for (size_t k = end; k-- > first;) {
			at = find_context(b, at, g->frames.items[k]);
			if (at == GRAPH_NONE)
				return -ENOMEM;
			struct tree_node *n = &b->nodes.items[at];
			n->node.cum = report_add(n->node.cum, w);
			n->node.cum_div = report_add(n->node.cum_div, dw);
			n->inlined &= k != end - 1;
			if (g->tags && graph_tags_add(g->tags, at, w, dw, false) < 0)
				return -ENOMEM;
		}
	}
	if (at == GRAPH_NONE)
		return 0;
	struct graph_node *n = &b->nodes.items[at].node;
	n->flat = report_add(n->flat, w);
	n->flat_div = report_add(n->flat_div, dw);
	return g->tags ? graph_tags_add(g->tags, at, w, dw, true) : 0;
}

/* The tree takes the place of the graph. */
static int take_tree(struct tree_builder *b, const struct report *r)
{
	struct graph *g = b->g;
	size_t count = b->nodes.len;
	uint32_t *order = malloc((count + 1) * sizeof(*order));

	free(g->order);
	g->order = order;
	g->order_len = 0;
	g->parents = malloc((count + 1) * sizeof(*g->parents));
	g->functions = malloc((count + 1) * sizeof(*g->functions));
	g->nodes.len = g->edges.len = 0;
	if (!g->order || !g->parents || !g->functions || vec_reserve(&g->nodes, count) < 0 ||
	    vec_reserve(&g->edges, count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct tree_node *n = &b->nodes.items[i];
		g->nodes.items[g->nodes.len++] = n->node;
		g->parents[i] = n->parent;
		g->functions[i] = n->function;
		if (graph_has(&n->node, r))
			g->order[g->order_len++] = (uint32_t)i;
		if (n->parent == GRAPH_NONE)
			continue;
		g->edges.items[g->edges.len++] = (struct graph_edge){
			.src = n->parent,
			.dest = (uint32_t)i,
			.weight = n->node.cum,
			.weight_div = n->node.cum_div,
			.inlined = n->inlined,
		};
	}
	return graph_link(g);
}

int graph_tree_build(struct graph *g, const struct report *r, struct err *e)
{
	struct tree_builder b = { .g = g };

	map_init(&b.contexts, sizeof(struct context_key), sizeof(uint32_t));
	int rc = graph_add_samples(g, r, add_sample, &b);
	if (rc == 0)
		rc = take_tree(&b, r);
	map_deinit(&b.contexts);
	vec_deinit(&b.nodes);
	return rc < 0 ? err_set(e, rc, "cannot build the call tree") : 0;
}

/* The nearest ancestor that is kept, or GRAPH_NONE; whether all calls on the way were inlined. */
static uint32_t kept_ancestor(const struct graph *g, const bool *kept, uint32_t parent,
			      bool *inlined, bool *passed)
{
	while (parent != GRAPH_NONE && !kept[parent]) {
		const struct graph_node *n = &g->nodes.items[parent];
		if (n->in_len > 0)
			*inlined &= g->edges.items[n->in[0]].inlined;
		*passed = true;
		parent = g->parents[parent];
	}
	return parent;
}

void graph_tree_trim(struct graph *g, const bool *kept)
{
	size_t order_len = 0;

	/* What lost its edge before is a root. */
	vec_for_each(e, &g->edges) {
		if (e->removed)
			g->parents[e->dest] = GRAPH_NONE;
	}
	vec_for_each(e, &g->edges) {
		bool inlined = e->inlined, passed = false;
		uint32_t ancestor = kept_ancestor(g, kept, e->src, &inlined, &passed);
		if (!kept[e->dest] || ancestor == GRAPH_NONE) {
			e->removed = true;
			continue;
		}
		e->src = ancestor;
		e->residual |= passed;
		if (passed)
			e->inlined = inlined;
	}
	for (size_t i = 0; i < g->order_len; i++) {
		if (kept[g->order[i]])
			g->order[order_len++] = g->order[i];
	}
	g->order_len = order_len;
	/* Parents that went are passed over from now on, and edges that went are gone. */
	size_t edges_len = 0;
	for (size_t i = 0; i < g->nodes.len; i++) {
		bool unused = false;
		g->parents[i] = kept_ancestor(g, kept, g->parents[i], &unused, &unused);
	}
	vec_for_each(e, &g->edges) {
		if (!e->removed)
			g->edges.items[edges_len++] = *e;
	}
	g->edges.len = edges_len;
}
