// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/build.h"

static int compare_entries(const void *a, const void *b)
{
	const struct table_entry *x = a, *y = b;
	const struct gate_run *r = x->run, *s = y->run;
	int by_order = (r->order > s->order) - (r->order < s->order);
	int by_total = (x->total > y->total) - (x->total < y->total);

	if (by_order)
		return by_order;
	return by_total ? by_total : strcmp(r->source, s->source);
}

static int gather(struct table *t, const struct gate_runs *runs, enum gate_side side,
		  const char *metric, struct err *e)
{
	static const char *const sides[] = { "base", "new" };
	size_t before = t->entries.len;

	vec_for_each(run, &runs->sides[side]) {
		struct table_entry entry = { .run = *run };
		entry.metric = run_metric_find(*run, metric);
		if (entry.metric == (*run)->metric_count)
			continue;
		const struct run_metric *m = &(*run)->metrics[entry.metric];
		entry.total = m->total / (*run)->work;
		t->metric = m->name;
		t->unit = m->unit;
		if (vec_push(&t->entries, entry) < 0)
			return -ENOMEM;
	}
	if (t->entries.len == before)
		return err_plain(e, -EINVAL, "no profile of the %s side has %s", sides[side],
				 metric);
	qsort(t->entries.items + before, t->entries.len - before, sizeof(*t->entries.items),
	      compare_entries);
	return 0;
}

static int add_names(struct table *t, struct table_entry *entry)
{
	const struct gate_run *run = entry->run;

	entry->names = calloc(run->functions.len + 1, sizeof(*entry->names));
	if (!entry->names)
		return -ENOMEM;
	for (size_t i = 0; i < run->functions.len; i++) {
		uint32_t name = profile_intern_cstr(t->names, run_name(run, (uint32_t)i));
		entry->names[i] = name;
		while (t->places.len <= name)
			if (vec_push(&t->places, (struct table_place){ 0 }) < 0)
				return -ENOMEM;
		struct table_place *place = &t->places.items[name];
		bool told = run->names.data[run->functions.items[i].file] != '\0';
		if (!place->run ||
		    (told &&
		     !place->run->names.data[place->run->functions.items[place->function].file]))
			*place = (struct table_place){ run, (uint32_t)i };
	}
	return profile_build_error(t->names);
}

int table_init(struct table *t, const struct gate_runs *runs, const char *metric, struct err *e)
{
	*t = (struct table){ .names = profile_create() };
	if (!t->names)
		return err_set(e, -ENOMEM, "cannot judge %s", metric);
	int rc = gather(t, runs, GATE_BASE, metric, e);
	t->base_len = t->entries.len;
	if (rc == 0)
		rc = gather(t, runs, GATE_NEW, metric, e);
	t->new_len = t->entries.len - t->base_len;
	/* Those of the new side first: its files are there to be looked at. */
	for (size_t i = 0; i < t->entries.len && rc == 0; i++)
		rc = add_names(t, &t->entries.items[(t->base_len + i) % t->entries.len]);
	return rc == -ENOMEM ? err_set(e, rc, "cannot judge %s", metric) : rc;
}

void table_deinit(struct table *t)
{
	vec_for_each(entry, &t->entries)
		free(entry->names);
	vec_deinit(&t->entries);
	vec_deinit(&t->places);
	profile_destroy(t->names);
}
