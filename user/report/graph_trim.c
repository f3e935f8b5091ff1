// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Which nodes and edges a report shows. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "report/graph.h"

static int64_t total_flat(const struct graph *g)
{
	uint64_t total = 0;

	for (size_t i = 0; i < g->order_len; i++)
		total += (uint64_t)g->nodes.items[g->order[i]].flat;
	return (int64_t)total;
}

/* Flag the nodes that reach the cutoff; returns how many. */
static size_t keep_heavy(const struct graph *g, int64_t cutoff, bool *kept)
{
	size_t count = 0;

	for (size_t i = 0; i < g->order_len; i++) {
		const struct graph_node *n = &g->nodes.items[g->order[i]];
		if (report_abs(n->cum) >= cutoff) {
			kept[g->order[i]] = true;
			count++;
		}
	}
	return count;
}

static size_t drop_light_edges(struct graph *g, int64_t cutoff)
{
	size_t dropped = 0;

	/* Only edges into nodes of the graph count: those of weightless nodes are not in it. */
	for (size_t i = 0; i < g->order_len; i++) {
		const struct graph_node *n = &g->nodes.items[g->order[i]];
		for (size_t k = 0; k < n->in_len; k++) {
			struct graph_edge *edge = &g->edges.items[n->in[k]];
			if (!edge->removed && report_abs(edge->weight) < cutoff) {
				edge->removed = true;
				dropped++;
			}
		}
	}
	return dropped;
}

/* Rebuild with the first `count` nodes of the order only, if that leaves any out. */
static int limit_nodes(struct graph *g, struct report *r, size_t count, enum graph_sort sort,
		       bool edges, struct err *e)
{
	if (count >= g->order_len)
		return 0;
	_cleanup_free_ bool *kept = calloc(g->nodes.len + 1, sizeof(*kept));
	if (!kept)
		return err_set(e, -ENOMEM, "cannot trim the call graph");
	for (size_t i = 0; i < count; i++)
		kept[g->order[i]] = true;
	int rc = graph_build(g, r, kept, edges, e);
	if (rc == 0)
		graph_sort(g, sort);
	return rc;
}

int graph_trim(struct graph *g, struct report *r, bool edges, struct graph_trimmed *t,
	       struct err *e)
{
	const struct report_options *o = &r->options;
	enum graph_sort sort = o->cum_sort ? GRAPH_BY_CUM : GRAPH_BY_FLAT;

	*t = (struct graph_trimmed){ 0 };
	int rc = graph_build(g, r, NULL, edges, e);
	if (rc < 0)
		return rc;
	double total = (double)total_flat(g);
	int64_t node_cutoff = report_abs(report_truncate(total * o->node_fraction));
	int64_t edge_cutoff = report_abs(report_truncate(total * o->edge_fraction));

	if (node_cutoff > 0) {
		_cleanup_free_ bool *kept = calloc(g->nodes.len + 1, sizeof(*kept));
		if (!kept)
			return err_set(e, -ENOMEM, "cannot trim the call graph");
		t->dropped_nodes = g->order_len - keep_heavy(g, node_cutoff, kept);
		if (t->dropped_nodes > 0)
			rc = graph_build(g, r, kept, edges, e);
		if (rc < 0)
			return rc;
	}
	t->orig_nodes = g->order_len;
	graph_sort(g, sort);
	if (o->node_count > 0) {
		rc = limit_nodes(g, r, (size_t)o->node_count, sort, edges, e);
		if (rc < 0)
			return rc;
	}
	t->dropped_edges = drop_light_edges(g, edge_cutoff);
	return 0;
}
