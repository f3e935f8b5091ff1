// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Too few runs for a test: changes beyond what counting explains are worth a warning. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "gate/findings.h"
#include "stats/counts.h"
#include "stats/multiple.h"

/* Sums over the runs of a side: of a function's own values, or of everything. */
struct sums {
	double value[2], variance[2];
};

static int add_up(const struct comparison *c, struct sums *functions, struct sums *total)
{
	for (size_t run = 0; run < c->len; run++) {
		const struct table_entry *entry = comparison_entry(c, run);
		enum gate_side side = comparison_side(c, run);
		_cleanup_free_ uint32_t *deepest = comparison_deepest(c, entry);
		if (!deepest)
			return -ENOMEM;
		for (size_t i = 0; i < entry->run->nodes.len; i++) {
			total->value[side] += table_self(entry, i);
			total->variance[side] += table_variance(entry, i);
			if (deepest[i] == COMPARISON_NONE)
				continue;
			functions[deepest[i]].value[side] += table_self(entry, i);
			functions[deepest[i]].variance[side] += table_variance(entry, i);
		}
	}
	return 0;
}

static double events(const struct sums *s, enum gate_side side)
{
	double v = s->value[side];

	return s->variance[side] > 0 ? v * v / s->variance[side] : 0;
}

static void compare(const struct comparison *c, const struct sums *s, struct gate_change *change)
{
	double runs = 1 / (double)c->base_len + 1 / (double)c->new_len;
	struct counts n = counts_compare(change->ratio, events(s, GATE_BASE), events(s, GATE_NEW),
					 FINDINGS_RUN_CV * sqrt(runs / 2));

	change->p = n.p;
	if (isnan(change->low)) {
		change->low = n.low;
		change->high = n.high;
	}
}

static bool is_warning(const struct comparison *c, const struct gate_change *change, double level,
		       double relative, double absolute)
{
	return comparison_sign(c, change, change->q, level, relative, absolute) > 0;
}

int findings_count(struct findings *f, const struct comparison *c, struct err *e)
{
	_cleanup_free_ struct sums *sums = calloc(c->count + 1, sizeof(*sums));
	_cleanup_free_ double *p = calloc(2 * c->count + 1, sizeof(*p));
	struct sums total = { 0 };

	if (!sums || !p || add_up(c, sums, &total) < 0)
		return err_set(e, -ENOMEM, "cannot judge %s", c->table->metric);
	f->by_counts = true;
	compare(c, &total, &f->total);
	f->total.q = f->total.p;
	for (size_t i = 0; i < c->count; i++) {
		p[i] = NAN;
		f->functions[i].cum.p = f->functions[i].cum.q = NAN;
		if (isnan(c->p[i]))
			continue;
		compare(c, &sums[i], &f->functions[i].own);
		p[i] = f->functions[i].own.p;
	}
	if (multiple_adjust(p, p + c->count, c->count) < 0)
		return err_set(e, -ENOMEM, "cannot judge %s", c->table->metric);
	f->total_state = GATE_SAME;
	if (is_warning(c, &f->total, c->total_level, c->total_floors.total, 0))
		f->total_state = GATE_WARNING;
	for (size_t i = 0; i < c->count; i++) {
		struct finding *found = &f->functions[i];
		const struct gate_floors *floors = &c->floors[i];
		found->own.q = p[c->count + i];
		found->by_cum = false;
		if (found->state != GATE_IGNORED)
			found->state = is_warning(c, &found->own, c->function_level,
						  floors->relative, floors->absolute)
					       ? GATE_WARNING
					       : GATE_SAME;
	}
	return 0;
}
