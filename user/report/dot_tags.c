// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/dot_tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

enum { SHOWN = 4 }; /* of a kind, at most */

/* A tag as it is drawn: one value, or a range of several. */
struct box {
	char name[2 * UNIT_LABEL_MAX];
	int64_t flat, cum; /* for sorting: before -mean divides */
	int64_t flat_value, cum_value;
	const struct graph_tag *tag; /* the first, or only one */
};

struct drawing {
	const struct report *r;
	const struct profile *p;
	bool flat;
	FILE *out;
	bool any;
};

static int compare_abs(int64_t a, int64_t b)
{
	int64_t x = report_abs(a), y = report_abs(b);

	return x > y ? -1 : x < y;
}

static int compare_boxes(const void *pa, const void *pb, void *context)
{
	const struct box *a = pa, *b = pb;
	bool flat = *(const bool *)context;
	int c = flat ? 0 : compare_abs(a->cum, b->cum);

	if (c == 0)
		c = compare_abs(a->flat, b->flat);
	return c ? c : strcmp(a->name, b->name);
}

static void weight_text(const struct drawing *d, int64_t w, char text[UNIT_LABEL_MAX])
{
	report_format(d->r, w, text);
}

static void put_box(struct drawing *d, const char *source, const char *id, const char *name,
		    int64_t w, const char *style)
{
	char weight[UNIT_LABEL_MAX];

	weight_text(d, w, weight);
	fprintf(d->out, "%s [label = \"%s\" id=\"%s\" fontsize=8 shape=box3d tooltip=\"%s\"]\n", id,
		name, id, weight);
	fprintf(d->out,
		"%s -> %s [label=\" %s\" weight=100 tooltip=\"%s\" labeltooltip=\"%s\"%s]\n",
		source, id, weight, weight, weight, style);
	d->any = true;
}

/* Whether a tag is nearer to another than `best`, in the tag's unit. */
static double distance(const struct profile *p, const struct graph_tag *t,
		       const struct graph_tag *other)
{
	const char *unit;
	double v = unit_scale(other->value, profile_str(p, other->unit), profile_str(p, t->unit),
			      &unit);
	double own = (double)t->value;

	return v < own ? own - v : v - own;
}

static void box_of(struct box *b, const struct profile *p, const struct graph_tag *t)
{
	*b = (struct box){
		.flat = t->flat,
		.cum = t->cum,
		.flat_value = graph_tag_flat(t),
		.cum_value = graph_tag_cum(t),
		.tag = t,
	};
	snprintf(b->name, sizeof(b->name), "%s", profile_str(p, t->name));
}

/* One box of several values: their range and sum. */
static void box_of_group(struct box *b, const struct profile *p, const struct box *boxes,
			 const uint8_t *groups, size_t count, uint8_t group)
{
	const struct graph_tag *low = NULL, *high = NULL;
	uint64_t flat = 0, flat_div = 0, cum = 0, cum_div = 0;
	char text[UNIT_LABEL_MAX];
	size_t members = 0;
	const char *unit;

	for (size_t i = 0; i < count; i++) {
		const struct graph_tag *t = boxes[i].tag;
		if (groups[i] != group)
			continue;
		members++;
		flat += (uint64_t)t->flat;
		flat_div += (uint64_t)t->flat_div;
		cum += (uint64_t)t->cum;
		cum_div += (uint64_t)t->cum_div;
		low = low ? low : t;
		high = high ? high : t;
		const char *from = profile_str(p, t->unit);
		if (unit_truncate(unit_scale(t->value, from, profile_str(p, low->unit), &unit)) <
		    low->value)
			low = t;
		if (unit_truncate(unit_scale(t->value, from, profile_str(p, high->unit), &unit)) >
		    high->value)
			high = t;
	}
	*b = (struct box){ 0 };
	b->flat_value = report_mean((int64_t)flat, (int64_t)flat_div);
	b->cum_value = report_mean((int64_t)cum, (int64_t)cum_div);
	b->flat = b->flat_value;
	b->cum = b->cum_value;
	unit_label(text, low->value, profile_str(p, low->unit), "auto");
	int len = snprintf(b->name, sizeof(b->name), "%s", text);
	if (members > 1) {
		unit_label(text, high->value, profile_str(p, high->unit), "auto");
		snprintf(b->name + len, sizeof(b->name) - (size_t)len, "..%s", text);
	}
}

/* Put each further value to the nearest of the heaviest, then sort again. Returns how many. */
static size_t collapse(const struct drawing *d, struct box *boxes, size_t count)
{
	struct box grouped[SHOWN];
	bool flat = d->flat;

	qsort_r(boxes, count, sizeof(*boxes), compare_boxes, &flat);
	if (count <= SHOWN)
		return count;
	_cleanup_free_ uint8_t *groups = calloc(count, 1);
	if (!groups)
		return SHOWN;
	for (size_t i = 0; i < count; i++) {
		double nearest = 0;
		for (uint8_t k = 0; k < SHOWN; k++) {
			double far =
				i < SHOWN ? (i != k) : distance(d->p, boxes[i].tag, boxes[k].tag);
			if (k == 0 || far < nearest) {
				nearest = far;
				groups[i] = k;
			}
		}
	}
	for (uint8_t k = 0; k < SHOWN; k++)
		box_of_group(&grouped[k], d->p, boxes, groups, count, k);
	qsort_r(grouped, SHOWN, sizeof(*grouped), compare_boxes, &flat);
	memcpy(boxes, grouped, sizeof(grouped));
	return SHOWN;
}

/* The numeric tags under a combination of labels, hung on `source`. */
static int put_numbers(struct drawing *d, const struct graph_tag *tags, size_t count,
		       uint32_t labels, const char *source)
{
	_cleanup_free_ struct box *boxes = calloc(count + 1, sizeof(*boxes));
	size_t n = 0;

	if (!boxes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (tags[i].numeric && !tags[i].removed && tags[i].labels == labels)
			box_of(&boxes[n++], d->p, &tags[i]);
	}
	n = collapse(d, boxes, n);
	for (size_t i = 0; i < n; i++) {
		bool flat = d->flat || boxes[i].flat_value == boxes[i].cum_value;
		int64_t w = flat ? boxes[i].flat_value : boxes[i].cum_value;
		char id[64];
		snprintf(id, sizeof(id), "N%s_%zu", source, i);
		if (w != 0)
			put_box(d, source, id, boxes[i].name, w, flat ? "" : " style=\"dotted\"");
	}
	return 0;
}

/* The string tags of a node, each with the numbers under it. */
static int put_labels(struct drawing *d, const struct graph_tag *tags, size_t count,
		      const char *source)
{
	_cleanup_free_ struct box *boxes = calloc(count + 1, sizeof(*boxes));
	size_t n = 0;
	int rc = 0;

	if (!boxes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (!tags[i].numeric && !tags[i].removed)
			box_of(&boxes[n++], d->p, &tags[i]);
	}
	qsort_r(boxes, n, sizeof(*boxes), compare_boxes, &d->flat);
	for (size_t i = 0; i < n && i < SHOWN && rc == 0; i++) {
		int64_t w = d->flat ? boxes[i].flat_value : boxes[i].cum_value;
		char id[32];
		if (w == 0)
			continue;
		snprintf(id, sizeof(id), "%s_%zu", source, i);
		put_box(d, source, id, profile_str(d->p, boxes[i].tag->name), w, "");
		rc = put_numbers(d, tags, count, boxes[i].tag->labels, id);
	}
	return rc;
}

int dot_tags_print(const struct report *r, const struct graph *g, uint32_t node, uint32_t id,
		   bool calls, FILE *out)
{
	struct drawing d = { .r = r, .p = g->profile, .flat = calls, .out = out };
	size_t count;
	const struct graph_tag *tags = graph_tags_of(g->tags, node, &count);
	char source[16];

	snprintf(source, sizeof(source), "N%u", id);
	int rc = put_labels(&d, tags, count, source);
	if (rc == 0)
		rc = put_numbers(&d, tags, count, 0, source);
	return rc < 0 ? rc : d.any;
}
