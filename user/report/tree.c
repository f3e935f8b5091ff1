// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Each node with its callers above and its callees below: go tool pprof -tree and -peek. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/graph.h"
#include "report/labels.h"
#include "report/pad.h"
#include "report/regex.h"

static const char separator[] =
	"----------------------------------------------------------+-------------\n";
static const char legend[] =
	"      flat  flat%   sum%        cum   cum%   calls calls% + context \t \t \n";

static void print_edges(const struct report *r, struct graph *g, uint32_t *edges, size_t count,
			int64_t cum, bool callers, FILE *out)
{
	graph_sort_edges(g, edges, count);
	for (size_t i = 0; i < count; i++) {
		const struct graph_edge *e = &g->edges.items[edges[i]];
		if (e->removed)
			continue;
		pad_value(r, e->weight, 50, out);
		putc(' ', out);
		pad_share(e->weight, cum, out);
		fprintf(out, " |   %s%s\n", graph_name(g, callers ? e->src : e->dest),
			e->inlined ? " (inline)" : "");
	}
}

static void print_node(const struct report *r, struct graph *g, uint32_t node, int64_t sum,
		       FILE *out)
{
	const struct graph_node *n = &g->nodes.items[node];
	int64_t flat = graph_flat(n), cum = graph_cum(n);

	fputs(separator, out);
	print_edges(r, g, n->in, n->in_len, cum, true, out);
	pad_weights(r, flat, sum, cum, out);
	fprintf(out, "                | %s\n", graph_name(g, node));
	print_edges(r, g, n->out, n->out_len, cum, false, out);
}

static bool is_wanted(const struct report *r, struct graph *g, uint32_t node)
{
	const char *name = graph_name(g, node);

	return !r->symbol || regex_matches(r->symbol, name, strlen(name));
}

/* Nothing is printed if nobody matches. */
static int check_matches(const struct report *r, struct graph *g, struct err *e)
{
	if (!r->symbol)
		return 0;
	for (size_t i = 0; i < g->order_len; i++) {
		if (is_wanted(r, g, g->order[i]))
			return 0;
	}
	return err_plain(e, -ENOENT, "no matches found for regexp: %s", regex_pattern(r->symbol));
}

int report_print_tree(struct report *r, FILE *out, struct err *e)
{
	_cleanup_(graph_deinit) struct graph g = { 0 };
	struct graph_trimmed trimmed;
	int rc = graph_init_trimmed(&g, r, true, &trimmed, e);
	if (rc == 0)
		rc = check_matches(r, &g, e);
	if (rc < 0)
		return rc;
	labels_select_unit(r, &g);
	rc = labels_print(r, &g, &trimmed, false, out, e);
	if (rc < 0)
		return rc;
	fputs(separator, out);
	fputs(legend, out);
	int64_t sum = 0;
	for (size_t i = 0; i < g.order_len; i++) {
		if (!is_wanted(r, &g, g.order[i]))
			continue;
		sum = report_add(sum, graph_flat(&g.nodes.items[g.order[i]]));
		print_node(r, &g, g.order[i], sum, out);
	}
	if (g.order_len > 0)
		fputs(separator, out);
	return 0;
}
