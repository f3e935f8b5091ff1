// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Names and orders of nodes and edges. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "report/graph.h"
#include "report/path.h"

static void add_part(struct buf *b, const char *text, size_t len)
{
	if (b->len > 0)
		buf_add(b, " ", 1);
	buf_add(b, text, len);
}

static void add_string(struct buf *b, const struct profile *p, uint32_t string)
{
	add_part(b, profile_str(p, string), profile_str_len(p, string));
}

static void make_name(struct buf *b, const struct profile *p, const struct graph_info *info)
{
	if (info->address != 0)
		buf_printf(b, "%016" PRIx64, info->address);
	if (info->name != 0)
		add_string(b, p, info->name);
	if (info->line != 0) {
		add_string(b, p, info->file);
		buf_printf(b, ":%" PRId64, info->line);
		if (info->column != 0)
			buf_printf(b, ":%" PRId64, info->column);
	} else if (info->file != 0) {
		add_string(b, p, info->file);
	} else if (info->name != 0) {
		return;
	} else if (info->objfile != 0) {
		_cleanup_free_ char *base = path_base(profile_str(p, info->objfile));
		add_part(b, "[", 1);
		buf_add(b, base ? base : "", base ? strlen(base) : 0);
		buf_add(b, "]", 1);
	} else {
		add_part(b, "<unknown>", 9);
	}
}

const char *graph_name(struct graph *g, uint32_t node)
{
	struct graph_node *n = &g->nodes.items[node];

	if (!n->name) {
		struct buf b = { 0 };
		make_name(&b, g->profile, &n->info);
		n->name = b.data;
	}
	return n->name ? n->name : "";
}

static int compare_abs(int64_t a, int64_t b)
{
	int64_t x = report_abs(a), y = report_abs(b);

	return x > y ? -1 : x < y;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_names(struct graph *g, uint32_t a, uint32_t b)
{
	uint64_t x = g->nodes.items[a].info.address, y = g->nodes.items[b].info.address;

	if (x != 0 && y != 0 && x != y)
		return x < y ? -1 : 1;
	return strcmp(graph_name(g, a), graph_name(g, b));
}

/* Nodes of one name differ somewhere: pprof leaves their order to chance, this does not. */
static int compare_infos(const struct graph *g, uint32_t a, uint32_t b)
{
	const struct graph_info *x = &g->nodes.items[a].info, *y = &g->nodes.items[b].info;
	int c = strcmp(profile_str(g->profile, x->file), profile_str(g->profile, y->file));

	if (c == 0)
		c = compare_numbers(x->start_line, y->start_line);
	if (c == 0)
		c = strcmp(profile_str(g->profile, x->objfile),
			   profile_str(g->profile, y->objfile));
	return c ? c : compare_numbers((int64_t)a, (int64_t)b);
}

struct sort_context {
	struct graph *g;
	const int64_t *score; /* by node; NULL: the flat weight */
};

static int compare_nodes(const void *pa, const void *pb, void *context)
{
	struct sort_context *s = context;
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
	const struct graph_node *x = &s->g->nodes.items[a], *y = &s->g->nodes.items[b];
	int c = s->score ? compare_abs(s->score[a], s->score[b]) : compare_abs(x->flat, y->flat);

	if (c == 0)
		c = compare_names(s->g, a, b);
	if (c == 0)
		c = s->score ? compare_abs(x->flat, y->flat) : compare_abs(x->cum, y->cum);
	return c ? c : compare_infos(s->g, a, b);
}

/* The entropy of the split of a node's weight over its edges and itself. */
static double edges_entropy(const struct graph *g, const uint32_t *edges, size_t count,
			    int64_t self)
{
	double score = 0;
	int64_t total = self;

	for (size_t i = 0; i < count; i++) {
		const struct graph_edge *e = &g->edges.items[edges[i]];
		if (!e->removed && e->weight > 0)
			total = report_add(total, e->weight);
	}
	if (total == 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		const struct graph_edge *e = &g->edges.items[edges[i]];
		if (e->removed)
			continue;
		double share = (double)report_abs(e->weight) / (double)total;
		score += -share * log2(share);
	}
	if (self > 0) {
		double share = (double)self / (double)total;
		score += -share * log2(share);
	}
	return score;
}

static size_t edges_left(const struct graph *g, const uint32_t *edges, size_t count)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++)
		left += !g->edges.items[edges[i]].removed;
	return left;
}

/* How much a node tells in a picture: entry and leaf nodes, and those where paths part or meet. */
static int64_t entropy_score(const struct graph *g, const struct graph_node *n)
{
	double score = 0;

	score += edges_left(g, n->in, n->in_len) ? edges_entropy(g, n->in, n->in_len, 0) : 1;
	score += edges_left(g, n->out, n->out_len) ? edges_entropy(g, n->out, n->out_len, n->flat)
						   : 1;
	return report_add(unit_truncate(score * (double)n->cum), n->flat);
}

void graph_sort(struct graph *g, enum graph_sort by)
{
	_cleanup_free_ int64_t *score = NULL;
	struct sort_context s = { .g = g };

	if (by != GRAPH_BY_FLAT)
		s.score = score = calloc(g->nodes.len + 1, sizeof(*score));
	for (size_t i = 0; score && i < g->order_len; i++) {
		const struct graph_node *n = &g->nodes.items[g->order[i]];
		score[g->order[i]] = by == GRAPH_BY_CUM ? n->cum : entropy_score(g, n);
	}
	qsort_r(g->order, g->order_len, sizeof(*g->order), compare_nodes, &s);
}

static int compare_edges(const void *pa, const void *pb, void *context)
{
	struct graph *g = context;
	const struct graph_edge *a = &g->edges.items[*(const uint32_t *)pa];
	const struct graph_edge *b = &g->edges.items[*(const uint32_t *)pb];
	int c = compare_abs(a->weight, b->weight);

	if (c == 0)
		c = strcmp(graph_name(g, a->src), graph_name(g, b->src));
	if (c == 0)
		c = strcmp(graph_name(g, a->dest), graph_name(g, b->dest));
	if (c == 0)
		c = compare_infos(g, a->src, b->src);
	return c ? c : compare_infos(g, a->dest, b->dest);
}

void graph_sort_edges(struct graph *g, uint32_t *edges, size_t count)
{
	qsort_r(edges, count, sizeof(*edges), compare_edges, g);
}
