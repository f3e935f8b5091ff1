// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Which nodes and edges a report shows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/graph.h"

enum { TAGS_SHOWN = 4 }; /* tags that a picture shows at a node, at most */

struct trimmer {
	struct graph *g;
	struct report *r;
	bool tree;   /* a call tree: only there is left out what is left out of it */
	bool visual; /* a picture */
	bool edges;
	enum graph_sort sort;
	int64_t node_cutoff, edge_cutoff;
	bool *kept; /* by node */
};

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "cannot trim the call graph");
}

static double total_flat(const struct graph *g)
{
	int64_t total = 0;

	for (size_t i = 0; i < g->order_len; i++)
		total = report_add(total, g->nodes.items[g->order[i]].flat);
	return (double)total;
}

/* Flag the nodes that reach the cutoff; returns how many of the graph's do. */
static size_t keep_heavy(struct trimmer *t)
{
	const struct graph *g = t->g;
	size_t count = 0;

	for (size_t i = 0; i < g->order_len; i++) {
		t->kept[g->order[i]] =
			report_abs(g->nodes.items[g->order[i]].cum) >= t->node_cutoff;
		count += t->kept[g->order[i]];
	}
	return count;
}

/* Nodes outside of the graph (they weigh nothing) are not in the way in a tree. */
static void keep_none(struct trimmer *t)
{
	memset(t->kept, t->tree, t->g->nodes.len);
	for (size_t i = 0; i < t->g->order_len; i++)
		t->kept[t->g->order[i]] = false;
}

/* Leave only the nodes that are kept. */
static int rebuild(struct trimmer *t, struct err *e)
{
	if (!t->tree)
		return graph_build(t->g, t->r, t->kept, t->edges, e);
	graph_tree_trim(t->g, t->kept);
	return graph_link(t->g) < 0 ? no_memory(e) : 0;
}

static void drop_light_tags(struct trimmer *t)
{
	if (t->g->tags)
		graph_tags_trim(t->g->tags, t->node_cutoff);
}

static size_t drop_light_edges(struct trimmer *t)
{
	const struct graph *g = t->g;
	size_t dropped = 0;

	/* Only edges into nodes of the graph count: those of weightless nodes are not in it. */
	for (size_t i = 0; i < g->order_len; i++) {
		const struct graph_node *n = &g->nodes.items[g->order[i]];
		for (size_t k = 0; k < n->in_len; k++) {
			struct graph_edge *edge = &g->edges.items[n->in[k]];
			if (!edge->removed && report_abs(edge->weight) < t->edge_cutoff) {
				edge->removed = true;
				dropped++;
			}
		}
	}
	return dropped;
}

/* In a picture the tags of a node take room as well. */
static size_t nodes_that_fit(const struct trimmer *t, size_t limit)
{
	const struct graph *g = t->g;
	size_t count = 0;

	for (size_t i = 0; t->visual && i < g->order_len; i++) {
		size_t tags = g->tags ? graph_tags_count(g->tags, g->order[i]) : 0;
		count += (tags < TAGS_SHOWN ? tags : TAGS_SHOWN) + 1;
		if (count >= limit)
			return i + 1;
	}
	return limit < g->order_len ? limit : g->order_len;
}

static int limit_nodes(struct trimmer *t, size_t limit, struct err *e)
{
	/* What is going to be removed does not affect which nodes are worth showing. */
	drop_light_tags(t);
	drop_light_edges(t);
	size_t count = nodes_that_fit(t, limit), kept = 0;
	keep_none(t);
	for (size_t i = 0; i < count; i++) {
		uint32_t node = t->g->order[i];
		/* INT64_MIN has no absolute value: pprof leaves such nodes out of graphs. */
		t->kept[node] = t->tree || report_abs(t->g->nodes.items[node].cum) >= 0;
		kept += t->kept[node];
	}
	if (kept == t->g->order_len)
		return 0;
	int rc = rebuild(t, e);
	if (rc == 0)
		graph_sort(t->g, t->sort);
	return rc;
}

static int trim(struct trimmer *t, struct graph_trimmed *done, struct err *e)
{
	const struct report_options *o = &t->r->options;
	struct graph *g = t->g;
	int rc = 0;

	double total = total_flat(g);
	t->node_cutoff = report_abs(unit_truncate(total * o->node_fraction));
	t->edge_cutoff = report_abs(unit_truncate(total * o->edge_fraction));
	t->kept = malloc(g->nodes.len + 1);
	if (!t->kept)
		return no_memory(e);
	if (t->node_cutoff > 0) {
		keep_none(t);
		done->dropped_nodes = g->order_len - keep_heavy(t);
		if (done->dropped_nodes > 0)
			rc = rebuild(t, e);
		if (rc < 0)
			return rc;
	}
	done->orig_nodes = g->order_len;
	graph_sort(g, t->sort);
	if (o->node_count > 0)
		rc = limit_nodes(t, (size_t)o->node_count, e);
	if (rc < 0)
		return rc;
	drop_light_tags(t);
	done->dropped_edges = drop_light_edges(t);
	return t->visual ? graph_drop_redundant(g, e) : 0;
}

int graph_init_trimmed(struct graph *g, struct report *r, bool edges, struct graph_trimmed *t,
		       struct err *e)
{
	struct trimmer trimmer = {
		.g = g,
		.r = r,
		.visual = r->kind == REPORT_DOT,
		.tree = r->options.call_tree &&
			(r->kind == REPORT_DOT || r->kind == REPORT_CALLGRIND),
		.edges = edges,
		.sort = r->options.cum_sort ? GRAPH_BY_CUM : GRAPH_BY_FLAT,
	};

	*t = (struct graph_trimmed){ 0 };
	if (trimmer.visual)
		trimmer.sort = GRAPH_BY_ENTROPY;
	int rc = graph_init(g, r, e);
	if (rc < 0)
		return rc;
	rc = trimmer.tree ? graph_tree_build(g, r, e) : graph_build(g, r, NULL, edges, e);
	if (rc == 0)
		rc = trim(&trimmer, t, e);
	free(trimmer.kept);
	if (rc < 0)
		graph_deinit(g);
	return rc;
}

/* Whether another way than edge `skip` leads from its source to its destination. */
static bool is_redundant(const struct graph *g, uint32_t skip, uint32_t *queue, uint32_t *seen,
			 uint32_t stamp)
{
	const struct graph_edge *edge = &g->edges.items[skip];
	size_t first = 0, end = 0;

	queue[end++] = edge->dest;
	seen[edge->dest] = stamp;
	while (first < end) {
		const struct graph_node *n = &g->nodes.items[queue[first++]];
		for (size_t i = 0; i < n->in_len; i++) {
			const struct graph_edge *in = &g->edges.items[n->in[i]];
			if (in->removed || n->in[i] == skip || seen[in->src] == stamp)
				continue;
			if (in->src == edge->src)
				return true;
			seen[in->src] = stamp;
			queue[end++] = in->src;
		}
	}
	return false;
}

int graph_drop_redundant(struct graph *g, struct err *e)
{
	_cleanup_free_ uint32_t *queue = calloc(g->nodes.len + 1, sizeof(*queue));
	_cleanup_free_ uint32_t *seen = calloc(g->nodes.len + 1, sizeof(*seen));
	uint32_t stamp = 0;

	if (!queue || !seen)
		return no_memory(e);
	/* From the lightest on: where one of two could go, the lighter goes. */
	for (size_t i = g->order_len; i-- > 0;) {
		const struct graph_node *n = &g->nodes.items[g->order[i]];
		graph_sort_edges(g, n->in, n->in_len);
		for (size_t k = n->in_len; k-- > 0;) {
			struct graph_edge *edge = &g->edges.items[n->in[k]];
			if (edge->removed)
				continue;
			/* An edge heavier than a real call stays, lest it confuse. */
			if (!edge->residual)
				break;
			edge->removed = is_redundant(g, n->in[k], queue, seen, ++stamp);
		}
	}
	return 0;
}
