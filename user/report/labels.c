// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/labels.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "report/path.h"

enum { FILTER_MAX = 80 };

static void add_mapping(const struct report *r, struct buf *b)
{
	const struct profile *p = r->profile;

	if (p->mappings.len == 0)
		return;
	const char *file = profile_str(p, p->mappings.items[0].filename);
	const char *build_id = profile_str(p, p->mappings.items[0].build_id);
	_cleanup_free_ char *base = path_base(file);
	if (file[0] && base)
		buf_printf(b, "File: %s\n", base);
	if (build_id[0])
		buf_printf(b, "Build ID: %s\n", build_id);
}

static void add_time(int64_t time_nanos, struct buf *b)
{
	time_t seconds = (time_t)(time_nanos / 1000000000 - (time_nanos % 1000000000 < 0));
	struct tm tm;
	char text[64];

	if (localtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &tm))
		buf_printf(b, "Time: %s\n", text);
}

static void add_duration(const struct report *r, struct buf *b)
{
	int64_t nanos = r->profile->duration_nanos;
	char duration[UNIT_LABEL_MAX], total[UNIT_LABEL_MAX], share[UNIT_LABEL_MAX];
	const char *unit;

	unit_label(duration, nanos, "nanoseconds", "auto");
	report_format(r, r->total, total);
	buf_printf(b, "Duration: %s, Total samples = %s ", duration, total);
	double total_nanos = unit_scale(r->total, r->sample_unit, "nanoseconds", &unit);
	if (strcmp(unit, "ns") == 0 && total_nanos != 0) {
		unit_percentage(share, unit_truncate(total_nanos), nanos);
		buf_printf(b, "(%s)", share);
	}
	buf_add(b, "\n", 1);
}

void labels_profile(const struct report *r, struct buf *b)
{
	const struct profile *p = r->profile;

	add_mapping(r, b);
	vec_for_each(c, &p->comments) {
		if (profile_str(p, *c)[0] != '#')
			buf_printf(b, "%s\n", profile_str(p, *c));
	}
	if (r->sample_type[0])
		buf_printf(b, "Type: %s\n", r->sample_type);
	if (p->doc_url)
		buf_printf(b, "Doc: %s\n", profile_str(p, p->doc_url));
	if (p->time_nanos != 0)
		add_time(p->time_nanos, b);
	if (p->duration_nanos != 0)
		add_duration(r, b);
}

static void add_filters(const struct report_options *o, struct buf *b)
{
	const struct {
		const char *name, *value;
	} filters[] = {
		{ "focus", o->focus },
		{ "ignore", o->ignore },
		{ "hide", o->hide },
		{ "show", o->show },
		{ "show_from", o->show_from },
		{ "tagfocus", o->tag_focus },
		{ "tagignore", o->tag_ignore },
		{ "tagshow", o->tag_show },
		{ "taghide", o->tag_hide },
	};
	bool first = true;

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		if (!filters[i].value || !filters[i].value[0])
			continue;
		if (first)
			buf_printf(b, "Active filters:\n");
		first = false;
		/* Cut by bytes, even inside a character. */
		size_t start = b->len;
		buf_printf(b, "%s=%s", filters[i].name, filters[i].value);
		if (!b->error && b->len - start > FILTER_MAX) {
			b->len = start + FILTER_MAX;
			buf_printf(b, "…");
		}
		_cleanup_free_ char *line = b->error ? NULL : strdup(b->data + start);
		if (!line)
			continue;
		b->len = start;
		buf_printf(b, "   %s\n", line);
	}
}

static void add_dropped(const struct report *r, size_t count, const char *what, const char *weight,
			double fraction, struct buf *b)
{
	char cutoff[UNIT_LABEL_MAX];

	if (count == 0)
		return;
	report_format(r, report_abs(unit_truncate((double)r->total * fraction)), cutoff);
	buf_printf(b, "Dropped %zu %s%s (%s <= %s)\n", count, what, count > 1 ? "s" : "", weight,
		   cutoff);
}

void labels_report(const struct report *r, const struct graph *g, const struct graph_trimmed *t,
		   bool full, struct buf *b)
{
	char shown[UNIT_LABEL_MAX], share[UNIT_LABEL_MAX], total[UNIT_LABEL_MAX];
	int64_t sum = graph_total(g);

	if (full || !r->options.compact_labels)
		labels_profile(r, b);
	add_filters(&r->options, b);
	report_format(r, sum, shown);
	unit_percentage(share, sum, r->total);
	report_format(r, r->total, total);
	buf_printf(b, "Showing nodes accounting for %s, %s of %s total\n", shown,
		   share + strspn(share, " "), total);
	if (r->total != 0) {
		add_dropped(r, t->dropped_nodes, "node", "cum", r->options.node_fraction, b);
		if (full)
			add_dropped(r, t->dropped_edges, "edge", "freq", r->options.edge_fraction,
				    b);
		if (g->order_len > 0 && g->order_len < t->orig_nodes)
			buf_printf(b, "Showing top %zu nodes out of %zu\n", g->order_len,
				   t->orig_nodes);
	}
	if (full)
		buf_printf(b, "\nSee https://git.io/JfYMW for how to read the graph\n");
}

int labels_print(const struct report *r, const struct graph *g, const struct graph_trimmed *t,
		 bool full, FILE *out, struct err *e)
{
	struct buf b = { 0 };
	labels_report(r, g, t, full, &b);
	int rc = b.error;
	if (rc == 0)
		fwrite(b.data, 1, b.len, out);
	buf_deinit(&b);
	return rc < 0 ? err_set(e, rc, "cannot make the report's header") : 0;
}

/* The smallest value that is shown and not zero. */
static int64_t smallest_value(const struct graph *g)
{
	int64_t smallest = 0;

	for (size_t i = 0; i < g->order_len; i++) {
		const struct graph_node *n = &g->nodes.items[g->order[i]];
		int64_t v = report_abs(graph_flat(n));
		if (v == 0)
			v = report_abs(graph_cum(n));
		if (v > 0 && (smallest == 0 || v < smallest))
			smallest = v;
	}
	return smallest;
}

void labels_select_unit(struct report *r, const struct graph *g)
{
	if (strcmp(r->output_unit, "minimum") != 0 || g->order_len == 0)
		return;
	int64_t largest = r->total, smallest = smallest_value(g);
	if (smallest == 0)
		smallest = largest;
	double ratio = 1 / r->options.divide_by;
	if (ratio > 0 && ratio != 1) {
		smallest = unit_truncate((double)smallest * ratio);
		largest = unit_truncate((double)largest * ratio);
	}
	const char *unit, *largest_unit;
	unit_scale(smallest, r->sample_unit, "minimum", &unit);
	unit_scale(largest, r->sample_unit, "minimum", &largest_unit);
	/* A larger unit, as long as the smallest value still shows as 0.01; callgrind has only
	 * integers. */
	int64_t hundredfold = (int64_t)((uint64_t)smallest * 100);
	if (strcmp(unit, largest_unit) != 0 && hundredfold < largest && r->kind != REPORT_CALLGRIND)
		unit_scale(hundredfold, r->sample_unit, "minimum", &unit);
	r->output_unit = unit[0] ? unit : r->sample_unit;
}
