// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The call graph in graphviz's language: go tool pprof -dot. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/dot_tags.h"
#include "report/graph.h"
#include "report/labels.h"
#include "report/path.h"
#include "report/shorten.h"

struct dot {
	struct report *r;
	struct graph *g;
	struct shortener *shortener;
	uint32_t *ids;  /* by node, from 1; 0: not in the graph */
	bool *has_tags; /* by node */
	FILE *out;
};

/* Quotes and backslashes escaped, lines left-aligned. */
static void put_escaped(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			putc('\\', out);
		if (*text == '\n')
			fputs("\\l", out);
		else
			putc(*text, out);
	}
}

static double clamp(double v)
{
	return v > 1 ? 1 : v < -1 ? -1 : v;
}

/* Go converts to uint8 by way of an integer; NaN, of a zero total, gives 0 there. */
static unsigned byte_of(double v)
{
	return isnan(v) ? 0 : (unsigned)(int64_t)(v * 255.0) & 0xff;
}

/* From green (-1) over grey to red (1); pale for backgrounds. */
static void put_color(double score, bool background, FILE *out)
{
	double saturation = background ? 0.1 : 1.0, value = background ? 0.93 : 0.7;
	double red = value, green = value;

	score = clamp(score);
	if (fabs(score) < 0.2)
		saturation *= fabs(score) / 0.2;
	/* Shift scores away from grey. */
	if (score > 0)
		score = pow(score, 1.0 - 0.7);
	if (score < 0)
		score = -pow(-score, 1.0 - 0.7);
	if (score < 0)
		red = value * (1 + saturation * score);
	else
		green = value * (1 - saturation * score);
	fprintf(out, "#%02x%02x%02x", byte_of(red), byte_of(green),
		byte_of(value * (1 - saturation)));
}

/* "::" and "." become line breaks, Go's "[...]" does not. */
static void put_name_lines(const char *name, FILE *out)
{
	for (; *name; name++) {
		if (strncmp(name, "::", 2) == 0) {
			fputs("\\n", out);
			name++;
		} else if (strncmp(name, "[...]", 5) == 0) {
			fputs("[…]", out);
			name += 4;
		} else if (*name == '.') {
			fputs("\\n", out);
		} else if (*name == '\\' || *name == '"') {
			putc('\\', out);
			putc(*name, out);
		} else if (*name == '\n') {
			fputs("\\l", out);
		} else {
			putc(*name, out);
		}
	}
}

static int put_node_name(struct dot *d, const struct graph_info *info)
{
	const struct profile *p = d->g->profile;
	_cleanup_free_ char *name = shortener_apply(d->shortener, profile_str(p, info->name));
	_cleanup_free_ char *file = path_base(profile_str(p, info->file));
	_cleanup_free_ char *objfile = path_base(profile_str(p, info->objfile));

	if (!name || !file || !objfile)
		return -ENOMEM;
	if (info->address != 0)
		fprintf(d->out, "%016" PRIx64 "\\n", info->address);
	if (name[0]) {
		put_name_lines(name, d->out);
		fputs("\\n", d->out);
	}
	const char *shown_file = info->file ? file : "";
	if (info->line != 0 && info->column != 0)
		fprintf(d->out, "%s:%" PRId64 ":%" PRId64 "\\n", shown_file, info->line,
			info->column);
	else if (info->line != 0)
		fprintf(d->out, "%s:%" PRId64 "\\n", shown_file, info->line);
	else if (info->file)
		fprintf(d->out, "%s\\n", shown_file);
	else if (!name[0] && info->objfile)
		fprintf(d->out, "[%s]\\n", objfile);
	else if (!name[0])
		fputs("<unknown>\\n", d->out);
	return 0;
}

static void put_value(const struct dot *d, int64_t v)
{
	char text[UNIT_LABEL_MAX];

	report_format(d->r, v, text);
	fputs(text, d->out);
}

static void put_value_and_share(const struct dot *d, int64_t v)
{
	char share[UNIT_LABEL_MAX];

	put_value(d, v);
	unit_percentage(share, v, d->r->total);
	fprintf(d->out, " (%s)", share + strspn(share, " "));
}

/* From 8 to 24 points, by the root of the flat weight. */
static int64_t font_size(int64_t flat, double max_flat)
{
	double weight = (double)report_abs(flat);

	if (max_flat == 0 || flat == 0 || weight > max_flat)
		return 8;
	return 8 + unit_truncate(ceil(16.0 * sqrt(weight / max_flat)));
}

static int put_node(struct dot *d, uint32_t node, double max_flat)
{
	const struct graph_node *n = &d->g->nodes.items[node];
	int64_t flat = graph_flat(n), cum = graph_cum(n);
	double score = (double)cum / (double)report_abs(d->r->total);

	fprintf(d->out, "N%u [label=\"", d->ids[node]);
	if (put_node_name(d, &n->info) < 0)
		return -ENOMEM;
	if (flat != 0)
		put_value_and_share(d, flat);
	else
		putc('0', d->out);
	if (cum != flat) {
		fputs(flat != 0 ? "\\nof " : " of ", d->out);
		put_value_and_share(d, cum);
	}
	fprintf(d->out, "\" id=\"node%u\" fontsize=%" PRId64 " shape=box tooltip=\"", d->ids[node],
		font_size(flat, max_flat));
	put_escaped(graph_name(d->g, node), d->out);
	fputs(" (", d->out);
	put_value(d, cum);
	fputs(")\" color=\"", d->out);
	put_color(score, false, d->out);
	fputs("\" fillcolor=\"", d->out);
	put_color(score, true, d->out);
	fputs("\"]\n", d->out);
	return 0;
}

/* Go's division of a product that may overflow, capped. */
static int64_t share_of(int64_t weight, int64_t factor, int64_t total)
{
	int64_t product = (int64_t)((uint64_t)weight * (uint64_t)factor);
	int64_t share = report_abs(report_mean(product, total));

	return 1 + (share < factor ? share : factor);
}

static void put_edge(struct dot *d, const struct graph_edge *e)
{
	int64_t weight = report_mean(e->weight, e->weight_div);
	int64_t total = d->r->total;

	fprintf(d->out, "N%u -> N%u [label=\" ", d->ids[e->src], d->ids[e->dest]);
	put_value(d, weight);
	fprintf(d->out, "%s\"", e->inlined ? "\\n (inline)" : "");
	if (total != 0) {
		int64_t heavy = share_of(weight, 100, total), wide = share_of(weight, 5, total);
		if (heavy > 1)
			fprintf(d->out, " weight=%" PRId64, heavy);
		if (wide > 1)
			fprintf(d->out, " penwidth=%" PRId64, wide);
		fputs(" color=\"", d->out);
		put_color((double)weight / (double)report_abs(total), false, d->out);
		putc('"', d->out);
	}
	for (int i = 0; i < 2; i++) {
		fputs(i == 0 ? " tooltip=\"" : " labeltooltip=\"", d->out);
		put_escaped(graph_name(d->g, e->src), d->out);
		fputs(e->residual ? " ... " : " -> ", d->out);
		put_escaped(graph_name(d->g, e->dest), d->out);
		fputs(" (", d->out);
		put_value(d, weight);
		fputs(")\"", d->out);
	}
	fprintf(d->out, "%s%s]\n", e->residual ? " style=\"dotted\"" : "",
		d->has_tags[e->src] ? " minlen=2" : "");
}

static int put_legend(struct dot *d, const struct graph_trimmed *trimmed, const char *title)
{
	_cleanup_(buf_deinit) struct buf labels = { 0 };

	labels_report(d->r, d->g, trimmed, true, &labels);
	if (labels.error)
		return labels.error;
	size_t first = strcspn(labels.data, "\n");
	labels.data[first] = '\0';
	fputs("subgraph cluster_L { \"", d->out);
	put_escaped(labels.data, d->out);
	fputs("\" [shape=box fontsize=16 label=\"", d->out);
	if (first < labels.len)
		labels.data[first] = '\n';
	put_escaped(labels.data, d->out);
	putc('"', d->out);
	if (title[0])
		fprintf(d->out, " tooltip=\"%s\"", title);
	fputs("] }\n", d->out);
	return 0;
}

static bool has_edges(const struct graph *g, const uint32_t *edges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!g->edges.items[edges[i]].removed)
			return true;
	}
	return false;
}

static int put_nodes(struct dot *d)
{
	struct graph *g = d->g;
	/* Not 0: INT64_MIN has no absolute value, and may be all there is. */
	double max_flat = (double)report_abs(graph_flat(&g->nodes.items[g->order[0]]));

	for (size_t i = 0; i < g->order_len; i++) {
		double flat = (double)report_abs(graph_flat(&g->nodes.items[g->order[i]]));
		d->ids[g->order[i]] = (uint32_t)i + 1;
		max_flat = flat > max_flat ? flat : max_flat;
	}
	for (size_t i = 0; i < g->order_len; i++) {
		uint32_t node = g->order[i];
		const struct graph_node *n = &g->nodes.items[node];
		if (put_node(d, node, max_flat) < 0)
			return -ENOMEM;
		if (!g->tags)
			continue;
		int any = dot_tags_print(d->r, g, node, d->ids[node],
					 has_edges(g, n->out, n->out_len), d->out);
		if (any < 0)
			return any;
		d->has_tags[node] = any;
	}
	return 0;
}

/* All edges of the graph's nodes, heaviest first: a hint to the layout. */
static int put_edges(struct dot *d)
{
	struct graph *g = d->g;
	_cleanup_free_ uint32_t *edges = calloc(g->edges.len + 1, sizeof(*edges));
	size_t count = 0;

	if (!edges)
		return -ENOMEM;
	for (size_t i = 0; i < g->edges.len; i++) {
		if (!g->edges.items[i].removed && d->ids[g->edges.items[i].src])
			edges[count++] = (uint32_t)i;
	}
	graph_sort_edges(g, edges, count);
	for (size_t i = 0; i < count; i++)
		put_edge(d, &g->edges.items[edges[i]]);
	return 0;
}

static int print_graph(struct dot *d, const struct graph_trimmed *trimmed)
{
	const struct profile *p = d->r->profile;
	const char *file = p->mappings.len ? profile_str(p, p->mappings.items[0].filename) : "";
	_cleanup_free_ char *title = file[0] ? path_base(file) : strdup("");

	if (!title)
		return -ENOMEM;
	fprintf(d->out, "digraph \"%s\" {\n", title[0] ? title : "unnamed");
	fputs("node [style=filled fillcolor=\"#f8f8f8\"]\n", d->out);
	int rc = put_legend(d, trimmed, title);
	if (rc == 0 && d->g->order_len > 0)
		rc = put_nodes(d);
	if (rc == 0)
		rc = put_edges(d);
	fputs("}\n", d->out);
	return rc;
}

int report_print_dot(struct report *r, FILE *out, struct err *e)
{
	_cleanup_(graph_deinit) struct graph g = { 0 };
	struct graph_trimmed trimmed;
	int rc = graph_init_trimmed(&g, r, true, &trimmed, e);
	if (rc < 0)
		return rc;
	labels_select_unit(r, &g);
	struct shortener *shortener = NULL;
	rc = shortener_create(&shortener, e);
	if (rc < 0)
		return rc;
	_cleanup_free_ uint32_t *ids = calloc(g.nodes.len + 1, sizeof(*ids));
	_cleanup_free_ bool *has_tags = calloc(g.nodes.len + 1, sizeof(*has_tags));
	struct dot d = { r, &g, shortener, ids, has_tags, out };
	rc = ids && has_tags ? print_graph(&d, &trimmed) : -ENOMEM;
	shortener_destroy(shortener);
	return rc < 0 ? err_set(e, rc, "cannot draw the graph") : 0;
}
