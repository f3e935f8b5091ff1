// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A flame graph in characters: a line for each depth. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/flame.h"
#include "report/flame_tree.h"
#include "report/utf8.h"

enum { COLUMNS_DEFAULT = 100, COLUMNS_MAX = 1000, FRAMES_MAX = 100000 };

struct drawing {
	struct graph *g;
	const struct flame_tree *t;
	const struct flame_options *o;
	unsigned columns;
	FILE *out;
};

static unsigned to_column(const struct drawing *d, uint64_t v)
{
	return (unsigned)((double)v * d->columns / (double)d->t->frames.items[0].width + 0.5);
}

/* One frame: "|name   ", cut where it does not fit. */
static void put_frame(const struct drawing *d, const struct flame_frame *f, unsigned width)
{
	const char *name = f->node == GRAPH_NONE ? "all" : graph_name(d->g, f->node);

	if (d->o->colors)
		fprintf(d->out, "\033[30;48;5;%um",
			(unsigned)(208 + hash_bytes(name, strlen(name)) % 8));
	putc('|', d->out);
	for (width--; width > 0 && *name; width--) {
		if ((unsigned char)*name < 0x20 || *name == 0x7f) {
			putc('?', d->out);
			name++;
		} else {
			utf8_put(&name, d->out);
		}
	}
	for (; width > 0; width--)
		putc(' ', d->out);
	if (d->o->colors)
		fputs("\033[0m", d->out);
}

static int compare_frames(const void *pa, const void *pb)
{
	const struct flame_frame *a = pa, *b = pb;

	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	return a->start < b->start ? -1 : a->start > b->start;
}

static void put_row(const struct drawing *d, const struct flame_frame *frames, size_t count)
{
	unsigned column = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned start = to_column(d, frames[i].start);
		unsigned end = to_column(d, frames[i].start + frames[i].width);
		if (end <= start || start < column)
			continue;
		for (; column < start; column++)
			putc(' ', d->out);
		put_frame(d, &frames[i], end - start);
		column = end;
	}
	putc('\n', d->out);
}

static void put_rows(const struct drawing *d, struct flame_frame *frames, size_t count)
{
	size_t rows = d->t->depth + 1;

	qsort(frames, count, sizeof(*frames), compare_frames);
	for (size_t k = 0; k < rows; k++) {
		size_t depth = d->o->inverted ? rows - 1 - k : k, first = 0;
		while (first < count && frames[first].depth < depth)
			first++;
		size_t end = first;
		while (end < count && frames[end].depth == depth)
			end++;
		put_row(d, frames + first, end - first);
	}
}

int flame_print_text(struct report *r, const struct flame_options *o, FILE *out, struct err *e)
{
	_cleanup_(graph_deinit) struct graph g = { 0 };
	_cleanup_(flame_tree_deinit) struct flame_tree t = { 0 };
	unsigned columns = o->columns ? o->columns : COLUMNS_DEFAULT;
	int rc = graph_init(&g, r, e);
	if (rc < 0)
		return rc;
	columns = columns < COLUMNS_MAX ? columns : COLUMNS_MAX;
	rc = flame_tree_init(&t, r, &g, columns, FRAMES_MAX, e);
	if (rc < 0)
		return rc;
	struct drawing d = { &g, &t, o, columns, out };
	if (t.frames.items[0].width == 0)
		t.frames.items[0].width = 1;
	put_rows(&d, t.frames.items, t.frames.len);
	if (t.folded)
		fprintf(out, "%zu frames narrower than a character are not shown\n", t.folded);
	return 0;
}
