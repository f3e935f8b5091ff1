// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/looks.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "gate/metrics.h"
#include "stats/permute.h"

/* The part of alpha that early looks share. */
static const double early_part = 0.25;

void gate_plan_init(struct gate_plan *plan, size_t runs, double alpha, size_t metrics)
{
	*plan = (struct gate_plan){ 0 };
	for (size_t count = GATE_LOOKS_MAX; count > 0; count--) {
		double level = alpha * early_part / (double)count;
		size_t first = permute_runs_needed(level / (double)metrics);
		/* Looks in equal steps, the first as soon as a test can be decided. */
		size_t step = runs / (count + 1);
		if (step < first && count > 1)
			continue;
		if (first >= runs)
			return;
		plan->count = count;
		plan->spent = alpha * early_part;
		for (size_t i = 0; i < count; i++) {
			plan->runs[i] = step < first ? first : step * (i + 1);
			plan->alpha[i] = level;
		}
		return;
	}
}

int gate_look(const struct gate_runs *runs, const struct gate_policy *policy, const char *metric,
	      double alpha, struct gate_look *ret, struct err *e)
{
	_cleanup_(metric_names_deinit) struct metric_names names = { 0 };
	_cleanup_(metric_data_deinit) struct metric_data d = { 0 };

	*ret = (struct gate_look){
		.base_runs = gate_runs_count(runs, GATE_BASE, metric),
		.new_runs = gate_runs_count(runs, GATE_NEW, metric),
	};
	if (ret->base_runs == 0 || ret->new_runs == 0)
		return err_plain(e, -ENOENT, "no runs of %s on both sides yet", metric);
	int rc = metric_names_init(&names, runs, policy, e);
	if (rc == 0)
		rc = metric_data_init(&d, runs, policy, metric, names.len, e);
	if (rc < 0)
		return rc;
	struct comparison *c = &d.comparison;
	struct prng rng;
	double level = alpha / (double)names.len;
	comparison_prng(c, &rng);
	rc = permute_tests(c->totals, 1, c->base_len, c->new_len, level, &rng, &c->total.p, e);
	if (rc < 0)
		return rc;
	ret->ratio = c->total.ratio;
	ret->low = c->total.low;
	ret->high = c->total.high;
	ret->p = c->total.p;
	ret->regressed = comparison_sign(c, &c->total, ret->p, level, c->total_floors.total, 0) > 0;
	return 0;
}
