// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "stats/far.h"

static int add_name(struct metric_names *names, const char *name)
{
	for (size_t i = 0; i < names->len; i++)
		if (strcmp(names->items[i], name) == 0)
			return 0;
	return vec_push(names, name);
}

static int add_common(struct metric_names *names, const struct gate_runs *runs)
{
	vec_for_each(run, &runs->sides[GATE_BASE]) {
		for (size_t i = 0; i < (*run)->metric_count; i++) {
			const char *name = (*run)->metrics[i].name;
			if (gate_runs_count(runs, GATE_NEW, name) > 0 && add_name(names, name) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

int metric_names_init(struct metric_names *names, const struct gate_runs *runs,
		      const struct gate_policy *policy, struct err *e)
{
	int rc = 0;

	*names = (struct metric_names){ 0 };
	vec_for_each(m, &policy->metrics)
		if (m->judged && rc == 0)
			rc = add_name(names, m->name);
	if (rc == 0 && names->len == 0)
		rc = add_common(names, runs);
	if (rc < 0)
		return err_set(e, rc, "cannot judge");
	if (names->len == 0)
		return err_plain(e, -EINVAL, "the profiles of the sides have no metric in common");
	return 0;
}

void metric_names_deinit(struct metric_names *names)
{
	vec_deinit(names);
}

bool metric_is_counted(const struct table *t, const uint32_t *picks, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const struct table_entry *entry = &t->entries.items[picks[i]];
		if (!entry->run->metrics[entry->metric].exact)
			return false;
	}
	return true;
}

int metric_set_aside(const struct table *t, uint32_t *picks, size_t *base_len, size_t *new_len,
		     struct err *e)
{
	size_t len = *base_len + *new_len, least = *base_len < *new_len ? *base_len : *new_len;
	size_t most = len / 5 < least / 2 ? len / 5 : least / 2, count, kept = 0;
	_cleanup_free_ double *totals = calloc(len, sizeof(*totals));
	_cleanup_free_ bool *far = calloc(len, sizeof(*far));

	if (!totals || !far)
		return err_set(e, -ENOMEM, "cannot judge %s", t->metric);
	for (size_t i = 0; i < len; i++)
		totals[i] = t->entries.items[picks[i]].total;
	int rc = far_find(totals, len, far, &count, e);
	if (rc < 0 || count > most || metric_is_counted(t, picks, len))
		return rc;
	for (size_t i = 0, base = *base_len; i < len; i++) {
		if (!far[i])
			picks[kept++] = picks[i];
		else if (i < base)
			--*base_len;
		else
			--*new_len;
	}
	return 0;
}

int metric_data_init(struct metric_data *d, const struct gate_runs *runs,
		     const struct gate_policy *policy, const char *metric, size_t metrics,
		     struct err *e)
{
	*d = (struct metric_data){ 0 };
	int rc = table_init(&d->table, runs, metric, e);
	if (rc < 0)
		return rc;
	d->picks = calloc(d->table.entries.len, sizeof(*d->picks));
	if (!d->picks)
		return err_set(e, -ENOMEM, "cannot judge %s", metric);
	for (uint32_t i = 0; i < d->table.entries.len; i++)
		d->picks[i] = i;
	size_t base_len = d->table.base_len, new_len = d->table.new_len;
	rc = metric_set_aside(&d->table, d->picks, &base_len, &new_len, e);
	if (rc < 0)
		return rc;
	return comparison_init(&d->comparison, &d->table, policy, metrics, d->picks, base_len,
			       new_len, e);
}

void metric_data_deinit(struct metric_data *d)
{
	comparison_deinit(&d->comparison);
	table_deinit(&d->table);
	free(d->picks);
}
