// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Which of a profile's values are judged, and how many samples are behind them. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gate/runs_impl.h"
#include "profile/unit.h"

static size_t value_index(const struct profile *p, const char *name)
{
	size_t i = 0;

	while (i < p->sample_types.len &&
	       strcmp(profile_str(p, p->sample_types.items[i].type), name) != 0)
		i++;
	return i;
}

/* The values that tell how many events a value stands for, as profiles come with them. */
static void find_events(const struct profile *p, const char *name, const char *unit, size_t value,
			struct run_source *s)
{
	static const struct {
		const char *name, *events, *bytes;
	} known[] = {
		{ "cpu", "samples", NULL },
		{ "alloc_space", "alloc_objects", "alloc_space" },
		{ "alloc_objects", "alloc_objects", "alloc_space" },
		{ "inuse_space", "inuse_objects", "inuse_space" },
		{ "inuse_objects", "inuse_objects", "inuse_space" },
		{ "space", "objects", "space" },
		{ "objects", "objects", "space" },
		{ "delay", "contentions", NULL },
		{ "contentions", "contentions", NULL },
	};
	s->bytes = SIZE_MAX;
	s->events = strcmp(unit, "count") == 0 ? value : SIZE_MAX;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(name, known[i].name) != 0)
			continue;
		size_t events = value_index(p, known[i].events);
		size_t bytes = known[i].bytes ? value_index(p, known[i].bytes) : SIZE_MAX;
		s->events = events < p->sample_types.len ? events : SIZE_MAX;
		s->bytes = bytes < p->sample_types.len ? bytes : SIZE_MAX;
	}
}

static const char *common_unit(const char *unit)
{
	static const char *const common[] = { "nanoseconds", "bytes" };

	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		if (unit_compatible(unit, common[i]))
			return common[i];
	return unit;
}

static int add_metric(struct gate_run *run, struct run_source *sources, const struct profile *p,
		      const char *name, size_t value)
{
	const char *unit = profile_str(p, p->sample_types.items[value].unit), *ignored;
	const char *period_type = profile_str(p, p->period_type.type);
	struct run_metric *m = &run->metrics[run->metric_count];
	struct run_source *s = &sources[run->metric_count];

	*m = (struct run_metric){ .name = strdup(name), .unit = strdup(common_unit(unit)) };
	run->metric_count++;
	if (!m->name || !m->unit)
		return -ENOMEM;
	s->value = value;
	find_events(p, name, unit, value, s);
	s->scale = strcmp(m->unit, unit) == 0 ? 1 : unit_scale(1, unit, m->unit, &ignored);
	if (s->events == SIZE_MAX)
		s->rate = strcmp(period_type, name) == 0 && p->period > 0 ? (double)p->period : 0;
	else if (strcmp(period_type, "space") == 0 || strcmp(period_type, "contentions") == 0) {
		s->rate = p->period > 1 ? (double)p->period : 0;
		m->exact = p->period == 1;
	}
	return 0;
}

int run_choose_metrics(struct gate_run *run, const struct profile *p,
		       const struct gate_policy *policy, struct run_source **ret, struct err *e)
{
	static const char *const usual[] = { "cpu", "alloc_space", "alloc_objects", "delay" };
	size_t types = p->sample_types.len;
	bool named = false;
	int rc = 0;

	run->metrics = calloc(types + 1, sizeof(*run->metrics));
	struct run_source *sources = *ret = calloc(types + 1, sizeof(*sources));
	if (!run->metrics || !sources)
		return -ENOMEM;
	vec_for_each(m, &policy->metrics) {
		size_t value = m->judged ? value_index(p, m->name) : types;
		named |= m->judged;
		if (value < types && rc == 0)
			rc = add_metric(run, sources, p, m->name, value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(usual) && !named && rc == 0; i++) {
		size_t value = value_index(p, usual[i]);
		if (value < types)
			rc = add_metric(run, sources, p, usual[i], value);
	}
	if (rc < 0 || run->metric_count > 0)
		return rc;
	if (named || types == 0)
		return err_plain(e, -EINVAL, "has none of the metrics that are judged");
	size_t value = value_index(p, profile_str(p, p->default_sample_type));
	value = value < types ? value : types - 1;
	return add_metric(run, sources, p, profile_str(p, p->sample_types.items[value].type),
			  value);
}

/*
 * How many samples are behind a stack's values. Allocations are sampled by bytes: one of `size`
 * bytes is with probability 1 - exp(-size / rate), and weighed by the inverse.
 */
double run_events(const struct run_source *s, const int64_t *values)
{
	if (s->events == SIZE_MAX)
		return s->rate > 0 ? (double)values[s->value] / s->rate : 1;
	double events = (double)values[s->events];
	if (s->rate == 0 || events <= 0)
		return events;
	if (s->bytes == SIZE_MAX)
		return events / s->rate;
	double size = (double)values[s->bytes] / events;
	return events * -expm1(-size / s->rate);
}
