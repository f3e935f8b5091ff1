// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The labels of a profile and what their samples weigh: go tool pprof -tags. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "profile/build.h"
#include "report/filter.h"
#include "report/pad.h"

enum { TEXT_MAX = 2 * UNIT_LABEL_MAX + 8 };

struct tag {
	uint32_t key, value; /* strings */
};

struct weighed_tag {
	struct tag tag;
	int64_t weight;
};

struct tags {
	struct profile *p;
	struct map weights; /* struct tag -> int64_t */
	struct map totals;  /* uint32_t key -> int64_t */
};

static int add_weight(struct map *m, const void *key, int64_t weight)
{
	int64_t *sum = map_put(m, key, NULL);
	if (!sum)
		return -ENOMEM;
	*sum = (int64_t)((uint64_t)*sum + (uint64_t)weight);
	return 0;
}

static int add_label(struct tags *t, const struct report *r, const struct profile_label *l,
		     int64_t weight)
{
	struct tag tag = { .key = l->key, .value = l->str };

	if (!l->str) {
		char text[UNIT_LABEL_MAX];
		unit_label(text, l->num, label_units_find(r->units, t->p, l->key), r->output_unit);
		tag.value = profile_intern_cstr(t->p, text);
	}
	if (profile_build_error(t->p) < 0 || add_weight(&t->weights, &tag, weight) < 0)
		return -ENOMEM;
	return add_weight(&t->totals, &tag.key, weight);
}

static int collect(struct tags *t, const struct report *r)
{
	for (size_t i = 0; i < t->p->sample_count; i++) {
		size_t count;
		const struct profile_label *labels = profile_labels(t->p, i, &count);
		for (size_t k = 0; k < count; k++) {
			struct profile_label label = labels[k];
			if (add_label(t, r, &label, report_value(r, i)) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int compare_tags(const void *pa, const void *pb, void *context)
{
	const struct profile *p = context;
	const struct weighed_tag *a = pa, *b = pb;
	int64_t x = report_abs(a->weight), y = report_abs(b->weight);

	if (a->tag.key != b->tag.key)
		return strcmp(profile_str(p, a->tag.key), profile_str(p, b->tag.key));
	if (x != y)
		return x > y ? -1 : 1;
	return strcmp(profile_str(p, a->tag.value), profile_str(p, b->tag.value));
}

/* "4.5s (30%)", without the share if there is no total. */
static void weight_text(const struct report *r, int64_t weight, char text[TEXT_MAX])
{
	char value[UNIT_LABEL_MAX], share[UNIT_LABEL_MAX];

	report_format(r, weight, value);
	unit_percentage(share, weight, r->total);
	if (r->total > 0)
		snprintf(text, TEXT_MAX, "%s (%s):", value, share);
	else
		snprintf(text, TEXT_MAX, "%s:", value);
}

static void print_key(const struct report *r, const struct weighed_tag *tags, size_t count,
		      int64_t sum, FILE *out)
{
	const struct profile *p = r->profile;
	char text[TEXT_MAX], total[UNIT_LABEL_MAX], share[UNIT_LABEL_MAX];
	const char *key = profile_str(p, tags[0].tag.key);
	int key_width = pad_width(key) + 1, width = 0;

	report_format(r, sum, text);
	report_format(r, r->total, total);
	unit_percentage(share, sum, r->total);
	fprintf(out, " %s: Total %s of %s", key, text, total);
	if (r->total > 0)
		fprintf(out, " (%s)", share);
	putc('\n', out);
	for (size_t i = 0; i < count; i++) {
		weight_text(r, tags[i].weight, text);
		width = pad_width(text) > width ? pad_width(text) : width;
	}
	for (size_t i = 0; i < count; i++) {
		weight_text(r, tags[i].weight, text);
		fprintf(out, "%*s", key_width + 1, "");
		pad_text(text, width + 1, out);
		fprintf(out, " %s\n", profile_str(p, tags[i].tag.value));
	}
	putc('\n', out);
}

static int print_tags(struct tags *t, const struct report *r, FILE *out)
{
	size_t count = t->weights.len;
	_cleanup_free_ struct weighed_tag *tags = calloc(count + 1, sizeof(*tags));

	if (!tags)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		tags[i].tag = *(const struct tag *)map_key_at(&t->weights, i);
		tags[i].weight = *(const int64_t *)map_value_at(&t->weights, i);
	}
	qsort_r(tags, count, sizeof(*tags), compare_tags, t->p);
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i; end < count && tags[end].tag.key == tags[i].tag.key;)
			end++;
		print_key(r, tags + i, end - i, *(int64_t *)map_find(&t->totals, &tags[i].tag.key),
			  out);
	}
	return 0;
}

int report_print_tags(struct report *r, FILE *out, struct err *e)
{
	struct tags t = { .p = r->profile };

	map_init(&t.weights, sizeof(struct tag), sizeof(int64_t));
	map_init(&t.totals, sizeof(uint32_t), sizeof(int64_t));
	int rc = collect(&t, r);
	if (rc == 0)
		rc = print_tags(&t, r, out);
	map_deinit(&t.weights);
	map_deinit(&t.totals);
	return rc < 0 ? err_set(e, rc, "cannot print the tags") : 0;
}
