// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The flat table of go tool pprof -top. */
#include "base/cleanup.h"
#include "report/graph.h"
#include "report/labels.h"
#include "report/pad.h"

/* Whether all or some of a node's calls were inlined. */
static const char *inline_label(const struct graph *g, const struct graph_node *n)
{
	bool inlined = false, called = false;

	for (size_t i = 0; i < n->in_len; i++) {
		const struct graph_edge *e = &g->edges.items[n->in[i]];
		inlined |= !e->removed && e->inlined;
		called |= !e->removed && !e->inlined;
	}
	if (!inlined)
		return "";
	return called ? " (partial-inline)" : " (inline)";
}

static void print_nodes(const struct report *r, struct graph *g, FILE *out)
{
	int64_t sum = 0;

	for (size_t i = 0; i < g->order_len; i++) {
		const struct graph_node *n = &g->nodes.items[g->order[i]];
		int64_t flat = graph_flat(n), cum = graph_cum(n);
		sum = report_add(sum, flat);
		pad_weights(r, flat, sum, cum, out);
		fprintf(out, "  %s%s\n", graph_name(g, g->order[i]), inline_label(g, n));
	}
}

/* Edges only tell whether calls were inlined: without inlined frames nobody asks. */
static bool has_inlined(const struct profile *p)
{
	vec_for_each(l, &p->locations) {
		if (l->line_count > 1)
			return true;
	}
	return false;
}

int report_print_text(struct report *r, FILE *out, struct err *e)
{
	_cleanup_(graph_deinit) struct graph g;
	struct graph_trimmed trimmed;
	int rc = graph_init_trimmed(&g, r, has_inlined(r->profile), &trimmed, e);
	if (rc < 0)
		return rc;
	labels_select_unit(r, &g);
	rc = labels_print(r, &g, &trimmed, false, out, e);
	if (rc < 0)
		return rc;
	fprintf(out, "%10s %5s%% %5s%% %10s %5s%%\n", "flat", "flat", "sum", "cum", "cum");
	print_nodes(r, &g, out);
	return 0;
}
