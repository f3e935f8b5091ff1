// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gate/runs_impl.h"

void gate_run_destroy(struct gate_run *run)
{
	if (!run)
		return;
	free(run->source);
	free(run->machine.cpu);
	free(run->machine.kernel);
	free(run->machine.host);
	for (size_t i = 0; i < run->metric_count; i++) {
		free(run->metrics[i].name);
		free(run->metrics[i].unit);
	}
	free(run->metrics);
	buf_deinit(&run->names);
	vec_deinit(&run->functions);
	vec_deinit(&run->nodes);
	free(run->weights);
	free(run->outermost);
	free(run->cum);
	free(run);
}

struct gate_runs *gate_runs_create(void)
{
	return calloc(1, sizeof(struct gate_runs));
}

void gate_runs_destroy(struct gate_runs *runs)
{
	if (!runs)
		return;
	for (int side = GATE_BASE; side <= GATE_NEW; side++) {
		vec_for_each(run, &runs->sides[side])
			gate_run_destroy(*run);
		vec_deinit(&runs->sides[side]);
	}
	free(runs);
}

void *run_zeroed(size_t count, size_t size)
{
	void *array = count < SIZE_MAX / size ? malloc(count * size + 1) : NULL;

	return array ? memset(array, 0, count * size) : NULL;
}

size_t run_metric_find(const struct gate_run *run, const char *name)
{
	size_t i = 0;

	while (i < run->metric_count && strcmp(run->metrics[i].name, name) != 0)
		i++;
	return i;
}

/* A metric has one unit in all runs. */
static int check_units(const struct gate_runs *runs, const struct gate_run *run, struct err *e)
{
	for (int side = GATE_BASE; side <= GATE_NEW; side++) {
		vec_for_each(other, &runs->sides[side]) {
			for (size_t i = 0; i < run->metric_count; i++) {
				const struct run_metric *m = &run->metrics[i];
				size_t k = run_metric_find(*other, m->name);
				if (k == (*other)->metric_count ||
				    strcmp((*other)->metrics[k].unit, m->unit) == 0)
					continue;
				return err_plain(e, -EINVAL, "'%s': %s is in %s, but in '%s' in %s",
						 run->source, m->name, m->unit, (*other)->source,
						 (*other)->metrics[k].unit);
			}
		}
	}
	return 0;
}

int gate_runs_add(struct gate_runs *runs, enum gate_side side, struct gate_run *run, struct err *e)
{
	int rc = check_units(runs, run, e);

	if (rc == 0 && vec_push(&runs->sides[side], run) < 0)
		rc = err_set(e, -ENOMEM, "cannot keep '%s'", run->source);
	if (rc < 0)
		gate_run_destroy(run);
	return rc;
}

size_t gate_runs_count(const struct gate_runs *runs, enum gate_side side, const char *metric)
{
	size_t count = 0;

	vec_for_each(run, &runs->sides[side])
		count += run_metric_find(*run, metric) < (*run)->metric_count;
	return count;
}
