// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What the gate itself can do with these runs: false alarms, and how many runs a change takes. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gate/findings.h"
#include "gate/judge.h"
#include "gate/metrics.h"
#include "gate/reasons.h"
#include "stats/power.h"
#include "stats/proportion.h"

/* Draw both sides from all runs, and judge. */
static int try_once(const struct metric_data *d, const struct gate_policy *policy, size_t metrics,
		    struct prng *rng, uint32_t *picks, bool *alarm, struct err *e)
{
	size_t len = d->table.entries.len;
	size_t base_len = d->table.base_len, new_len = d->table.new_len;
	_cleanup_(comparison_deinit) struct comparison c = { 0 };
	_cleanup_(findings_deinit) struct findings f = { 0 };

	for (size_t i = 0; i < len; i++)
		picks[i] = (uint32_t)prng_below(rng, len);
	int rc = metric_set_aside(&d->table, picks, &base_len, &new_len, e);
	if (rc == 0)
		rc = comparison_init(&c, &d->table, policy, metrics, picks, base_len, new_len, e);
	if (rc == 0)
		rc = comparison_test(&c, e);
	if (rc == 0)
		rc = findings_init(&f, &c, false, e);
	*alarm = rc == 0 && f.outcome == GATE_REGRESSION;
	return rc;
}

static int check_metric(const struct metric_data *d, const struct gate_policy *policy,
			size_t metrics, size_t trials, struct gate_self *self, struct err *e)
{
	_cleanup_free_ uint32_t *picks = calloc(d->table.entries.len, sizeof(*picks));
	struct prng rng;
	int rc = 0;

	if (!picks)
		return err_set(e, -ENOMEM, "cannot check the gate");
	*self = (struct gate_self){ .trials = trials };
	comparison_prng(&d->comparison, &rng);
	for (size_t i = 0; i < trials && rc == 0; i++) {
		bool alarm = false;
		rc = try_once(d, policy, metrics, &rng, picks, &alarm, e);
		self->false_alarms += alarm;
	}
	self->rate_high = proportion_upper(self->false_alarms, trials, 0.95);
	return rc;
}

int gate_selfcheck(const struct gate_runs *runs, const struct gate_policy *policy, size_t trials,
		   struct gate_verdict *v, struct err *e)
{
	int rc = 0;

	vec_for_each(m, &v->metrics) {
		_cleanup_(metric_data_deinit) struct metric_data d = { 0 };
		if (rc == 0)
			rc = metric_data_init(&d, runs, policy, m->name, v->metrics.len, e);
		if (rc == 0)
			rc = check_metric(&d, policy, v->metrics.len, trials, &m->self, e);
	}
	return rc;
}

int gate_power(const struct gate_runs *runs, const struct gate_policy *policy, double rise,
	       struct gate_verdict *v, struct err *e)
{
	int rc = 0;

	vec_for_each(m, &v->metrics) {
		_cleanup_(metric_data_deinit) struct metric_data d = { 0 };
		if (rc == 0)
			rc = metric_data_init(&d, runs, policy, m->name, v->metrics.len, e);
		if (rc < 0)
			break;
		double variation = reasons_variation(&d.comparison);
		m->power_rise = rise;
		m->power_runs = isnan(variation)
					? 0
					: power_runs(rise / variation, REASONS_POWER,
						     d.comparison.total_level, GATE_RUNS_MAX);
	}
	return rc;
}
