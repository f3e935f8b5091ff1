// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/graph_tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "profile/build.h"
#include "profile/value.h"
#include "report/filter.h"

struct tag_key {
	uint32_t node, labels, name, numeric;
};

void graph_tags_init(struct graph_tags *t)
{
	*t = (struct graph_tags){ 0 };
	map_init(&t->by_key, sizeof(struct tag_key), sizeof(uint32_t));
}

void graph_tags_deinit(struct graph_tags *t)
{
	vec_deinit(&t->items);
	vec_deinit(&t->numbers);
	map_deinit(&t->by_key);
}

void graph_tags_clear(struct graph_tags *t)
{
	t->items.len = 0;
	map_clear(&t->by_key);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All string labels as one text, sorted. */
static int join_labels(struct graph_tags *t, const struct report *r, size_t sample)
{
	struct profile *p = r->profile;
	size_t count, n = 0;
	const struct profile_label *labels = profile_labels(p, sample, &count);
	_cleanup_free_ char **texts = calloc(count + 1, sizeof(*texts));
	struct buf joined = { 0 };

	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (!labels[i].str ||
		    strcmp(profile_str(p, labels[i].key), PROFILE_BASE_LABEL) == 0)
			continue;
		if (asprintf(&texts[n], "%s:%s", profile_str(p, labels[i].key),
			     profile_str(p, labels[i].str)) < 0)
			joined.error = -ENOMEM;
		else
			n++;
	}
	qsort(texts, n, sizeof(*texts), compare_texts);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&joined, "%s%s", i ? "\\n" : "", texts[i]);
		free(texts[i]);
	}
	int rc = joined.error;
	t->labels = rc == 0 && joined.len ? profile_intern(p, joined.data, joined.len) : 0;
	buf_deinit(&joined);
	return rc < 0 ? rc : profile_build_error(p);
}

int graph_tags_begin(struct graph_tags *t, const struct report *r, size_t sample)
{
	struct profile *p = r->profile;
	size_t count;

	t->numbers.len = 0;
	int rc = join_labels(t, r, sample);
	profile_labels(p, sample, &count);
	for (size_t i = 0; i < count && rc == 0; i++) {
		/* Interning moves no labels. */
		const struct profile_label *l = &profile_labels(p, sample, &count)[i];
		if (l->str || strcmp(profile_str(p, l->key), "bytes") != 0)
			continue;
		const char *unit = label_units_find(r->units, p, l->key);
		char text[UNIT_LABEL_MAX];
		unit_label(text, l->num, unit, r->output_unit);
		struct graph_tag number = {
			.labels = t->labels,
			.numeric = true,
			.value = l->num,
			.unit = profile_intern_cstr(p, unit),
		};
		/* Not before: the unit may lie where a new name moves all strings from. */
		number.name = profile_intern_cstr(p, text);
		rc = vec_push(&t->numbers, number);
	}
	return rc < 0 ? rc : profile_build_error(p);
}

static int add_tag(struct graph_tags *t, const struct graph_tag *tag, uint32_t node, int64_t w,
		   int64_t dw, bool flat)
{
	struct tag_key key = { node, tag->labels, tag->name, tag->numeric };
	bool added;
	uint32_t *index = map_put(&t->by_key, &key, &added);
	if (!index)
		return -ENOMEM;
	if (added) {
		*index = (uint32_t)t->items.len;
		if (vec_push(&t->items, *tag) < 0)
			return -ENOMEM;
		t->items.items[*index].node = node;
	}
	struct graph_tag *to = &t->items.items[*index];
	if (flat) {
		to->flat = report_add(to->flat, w);
		to->flat_div = report_add(to->flat_div, dw);
	} else {
		to->cum = report_add(to->cum, w);
		to->cum_div = report_add(to->cum_div, dw);
	}
	return 0;
}

int graph_tags_add(struct graph_tags *t, uint32_t node, int64_t w, int64_t dw, bool flat)
{
	int rc = 0;

	if (t->labels) {
		struct graph_tag tag = { .labels = t->labels, .name = t->labels };
		rc = add_tag(t, &tag, node, w, dw, flat);
	}
	for (size_t i = 0; i < t->numbers.len && rc == 0; i++)
		rc = add_tag(t, &t->numbers.items[i], node, w, dw, flat);
	return rc;
}

static int compare_nodes(const void *pa, const void *pb)
{
	const struct graph_tag *a = pa, *b = pb;

	return a->node < b->node ? -1 : a->node > b->node;
}

void graph_tags_end(struct graph_tags *t)
{
	if (t->items.len > 0)
		qsort(t->items.items, t->items.len, sizeof(*t->items.items), compare_nodes);
}

const struct graph_tag *graph_tags_of(const struct graph_tags *t, uint32_t node, size_t *count)
{
	size_t low = 0, high = t->items.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->items.items[middle].node < node)
			low = middle + 1;
		else
			high = middle;
	}
	for (high = low; high < t->items.len && t->items.items[high].node == node;)
		high++;
	*count = high - low;
	return t->items.items + low;
}

void graph_tags_trim(struct graph_tags *t, int64_t cutoff)
{
	vec_for_each(tag, &t->items) {
		if (report_abs(tag->flat) < cutoff && report_abs(tag->cum) < cutoff)
			tag->removed = true;
	}
}

size_t graph_tags_count(const struct graph_tags *t, uint32_t node)
{
	size_t count, shown = 0;
	const struct graph_tag *tags = graph_tags_of(t, node, &count);

	for (size_t i = 0; i < count; i++)
		shown += !tags[i].removed && tags[i].flat != 0;
	return shown;
}
