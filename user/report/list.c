// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The source of matching functions, each line with its weight: go tool pprof -list. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "report/graph.h"
#include "report/pad.h"
#include "report/path.h"
#include "report/regex.h"
#include "report/source.h"

enum { MARGIN = 5 }; /* lines shown before and after those with weight */

struct lister {
	const struct report *r;
	struct graph *g;
	const char *source_path;
	FILE *out;
};

static const struct graph_info *info_of(const struct graph *g, uint32_t node)
{
	return &g->nodes.items[node].info;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

/* By function, file and line: what is listed together is together. */
static int compare_nodes(const void *pa, const void *pb, void *context)
{
	const struct graph *g = context;
	const struct graph_info *a = info_of(g, *(const uint32_t *)pa);
	const struct graph_info *b = info_of(g, *(const uint32_t *)pb);
	int c = strcmp(profile_str(g->profile, a->name), profile_str(g->profile, b->name));

	if (c == 0)
		c = strcmp(profile_str(g->profile, a->file), profile_str(g->profile, b->file));
	if (c == 0)
		c = compare_numbers(a->line, b->line);
	return c ? c : compare_numbers(a->start_line, b->start_line);
}

static void sum_nodes(const struct graph *g, const uint32_t *nodes, size_t count, int64_t line,
		      int64_t *flat, int64_t *cum)
{
	*flat = *cum = 0;
	for (size_t i = 0; i < count; i++) {
		const struct graph_node *n = &g->nodes.items[nodes[i]];
		if (line != 0 && n->info.line != line)
			continue;
		*flat = report_add(*flat, n->flat);
		*cum = report_add(*cum, n->cum);
	}
}

/* The lines to show: from the function's start, if known, to some beyond the last weight. */
static void line_range(const struct graph *g, const uint32_t *nodes, size_t count, int64_t *first,
		       int64_t *last)
{
	*first = INT64_MAX;
	*last = INT64_MIN;
	for (size_t i = 0; i < count; i++) {
		const struct graph_info *info = info_of(g, nodes[i]);
		int64_t start =
			info->start_line ? info->start_line : report_add(info->line, -MARGIN);
		int64_t end = report_add(info->line, MARGIN);
		*first = start < *first ? start : *first;
		*last = end > *last ? end : *last;
	}
	*first = *first < 1 ? 1 : *first;
}

static void value_or_dot(const struct lister *l, int64_t value)
{
	if (value == 0)
		pad_text(".", 10, l->out);
	else
		pad_value(l->r, value, 10, l->out);
	putc(' ', l->out);
}

static int list_file(struct lister *l, const uint32_t *nodes, size_t count, struct err *e)
{
	struct profile *p = l->g->profile;
	const struct graph_info *info = info_of(l->g, nodes[0]);
	const char *file = profile_str(p, info->file);
	int64_t flat, cum, first, last;

	sum_nodes(l->g, nodes, count, 0, &flat, &cum);
	fprintf(l->out, "ROUTINE ======================== %s in %s\n", profile_str(p, info->name),
		file);
	pad_value(l->r, flat, 10, l->out);
	putc(' ', l->out);
	pad_value(l->r, cum, 10, l->out);
	fputs(" (flat, cum) ", l->out);
	pad_share(cum, l->r->total, l->out);
	fputs(" of Total\n", l->out);
	line_range(l->g, nodes, count, &first, &last);
	if (first > last)
		return 0;
	_cleanup_(source_deinit) struct source s = { 0 };
	_cleanup_(buf_deinit) struct buf problem = { 0 };
	int rc = source_load(&s, file, l->source_path, l->r->options.trim_path, &problem);
	if (rc == -ENOMEM)
		return err_set(e, rc, "cannot list '%s'", file);
	if (rc < 0) {
		fprintf(l->out, " Error: %s\n", problem.data);
		return 0;
	}
	for (int64_t line = first; line <= last && line <= (int64_t)s.line_count; line++) {
		sum_nodes(l->g, nodes, count, line, &flat, &cum);
		value_or_dot(l, flat);
		value_or_dot(l, cum);
		fprintf(l->out, "%6" PRId64 ":%s\n", line, s.lines[line - 1]);
	}
	return 0;
}

/* All nodes of one function, sorted by file. */
static int list_function(struct lister *l, const uint32_t *nodes, size_t count, struct err *e)
{
	bool any = false;

	for (size_t i = 0, end; i < count; i = end) {
		uint32_t file = info_of(l->g, nodes[i])->file;
		for (end = i; end < count && info_of(l->g, nodes[end])->file == file;)
			end++;
		if (!file)
			continue;
		any = true;
		int rc = list_file(l, nodes + i, end - i, e);
		if (rc < 0)
			return rc;
	}
	if (!any)
		fprintf(l->out, "No source information for %s\n",
			profile_str(l->g->profile, info_of(l->g, nodes[0])->name));
	return 0;
}

/* Leave the matching nodes in g->order, sorted. */
static void select_nodes(const struct report *r, struct graph *g)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->order_len; i++) {
		uint32_t name = info_of(g, g->order[i])->name;
		if (!r->symbol || regex_matches_string(r->symbol, g->profile, name))
			g->order[kept++] = g->order[i];
	}
	g->order_len = kept;
	qsort_r(g->order, kept, sizeof(*g->order), compare_nodes, g);
}

int report_print_list(struct report *r, FILE *out, struct err *e)
{
	_cleanup_(graph_deinit) struct graph g = { 0 };
	int rc = graph_init(&g, r, e);
	if (rc == 0)
		rc = graph_build(&g, r, NULL, false, e);
	if (rc < 0)
		return rc;
	select_nodes(r, &g);
	if (g.order_len == 0)
		return err_plain(e, -ENOENT, "no matches found for regexp: %s",
				 r->symbol ? regex_pattern(r->symbol) : "");
	_cleanup_free_ char *directory = getcwd(NULL, 0);
	const char *path = r->options.source_path;
	struct lister l = { r, &g, path && path[0] ? path : directory, out };
	char total[UNIT_LABEL_MAX];
	report_format(r, r->total, total);
	fprintf(out, "Total: %s\n", total);
	for (size_t i = 0, end; i < g.order_len && rc == 0; i = end) {
		uint32_t name = info_of(&g, g.order[i])->name;
		for (end = i; end < g.order_len && info_of(&g, g.order[end])->name == name;)
			end++;
		rc = list_function(&l, g.order + i, end - i, e);
	}
	return rc;
}
