/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The runs of one metric, with equal names for equal functions. Private to this room. */
#pragma once

#include "gate/runs_impl.h"

struct table_entry {
	const struct gate_run *run;
	size_t metric; /* of the run */
	double total;
	uint32_t *names; /* by function of the run: its number in table.names */
};

struct table {
	const char *metric, *unit; /* a run's */
	struct profile *names;     /* used as a table of strings; 0 is none */
	/* By name: which run tells its file and line, and there the function. */
	vec_of(struct table_place {
		const struct gate_run *run;
		uint32_t function;
	}) places;
	vec_of(struct table_entry) entries; /* base first, each side in the order of its runs */
	size_t base_len, new_len;
};

/**
 * Gather the runs that have a metric, which live longer than the table. 0, -ENOMEM, or -EINVAL if a
 * side has none; always table_deinit() it.
 */
int table_init(struct table *t, const struct gate_runs *runs, const char *metric, struct err *e);
void table_deinit(struct table *t);

static inline size_t table_name_count(const struct table *t)
{
	return t->names->strings.len;
}

static inline const char *table_name(const struct table *t, uint32_t name)
{
	return profile_str(t->names, name);
}

/** What a node weighs by itself. */
static inline double table_self(const struct table_entry *entry, size_t node)
{
	return run_weight(entry->run, node, entry->metric)->value / entry->run->work;
}

static inline double table_variance(const struct table_entry *entry, size_t node)
{
	double work = entry->run->work;

	return run_weight(entry->run, node, entry->metric)->variance / work / work;
}

/** What a node and all beneath it weigh. */
static inline double table_subtree(const struct table_entry *entry, size_t node)
{
	return run_weight(entry->run, node, entry->metric)->subtree / entry->run->work;
}

/** The cumulative value of a function of the run. */
static inline double table_cum(const struct table_entry *entry, size_t function)
{
	const struct gate_run *run = entry->run;

	return run->cum[function * run->metric_count + entry->metric] / run->work;
}
