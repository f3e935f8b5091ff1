// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The labels of a profile and what their samples weigh: go tool pprof -tags. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "profile/build.h"
#include "report/columns.h"
#include "report/filter.h"

enum { SHARE_MAX = UNIT_LABEL_MAX + 8 };

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
	*sum = report_add(*sum, weight);
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

/* " (30%)", nothing if there is no total. */
static void share_text(const struct report *r, int64_t weight, char text[SHARE_MAX])
{
	char share[UNIT_LABEL_MAX];

	unit_percentage(share, weight, r->total);
	text[0] = '\0';
	if (r->total > 0)
		snprintf(text, SHARE_MAX, " (%s)", share);
}

static int print_key(const struct report *r, const struct weighed_tag *tags, size_t count,
		     int64_t sum, FILE *out)
{
	_cleanup_(buf_deinit) struct buf cells = { 0 }, text = { 0 };
	const struct profile *p = r->profile;
	char value[UNIT_LABEL_MAX], total[UNIT_LABEL_MAX], share[SHARE_MAX];

	report_format(r, sum, value);
	report_format(r, r->total, total);
	share_text(r, sum, share);
	buf_printf(&cells, "%s:\t Total %s of %s%s\n", profile_str(p, tags[0].tag.key), value,
		   total, share);
	for (size_t i = 0; i < count; i++) {
		report_format(r, tags[i].weight, value);
		share_text(r, tags[i].weight, share);
		buf_printf(&cells, " \t%s%s:\t %s\n", value, share,
			   profile_str(p, tags[i].tag.value));
	}
	buf_printf(&cells, "\n");
	int rc = cells.error ? cells.error : columns_add(cells.data, cells.len, &text);
	if (rc == 0)
		fwrite(text.data, 1, text.len, out);
	return rc;
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
	int rc = 0;
	for (size_t i = 0, end; i < count && rc == 0; i = end) {
		for (end = i; end < count && tags[end].tag.key == tags[i].tag.key;)
			end++;
		rc = print_key(r, tags + i, end - i,
			       *(int64_t *)map_find(&t->totals, &tags[i].tag.key), out);
	}
	return rc;
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
