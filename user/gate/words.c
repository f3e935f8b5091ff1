// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/words.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "gate/brief.h"
#include "gate/format.h"

const struct gate_row *words_culprit(const struct gate_metric *m)
{
	vec_for_each(row, &m->rows)
		if (row->culprit)
			return row;
	return NULL;
}

int words_change(struct buf *to, const struct gate_change *c, const char *unit)
{
	char base[FORMAT_MAX], new[FORMAT_MAX], ratio[FORMAT_MAX], interval[FORMAT_MAX];
	char p[FORMAT_MAX];

	format_value(base, c->base, unit);
	format_value(new, c->new, unit);
	format_ratio(ratio, c->ratio);
	format_interval(interval, c->low, c->high);
	buf_printf(to, "%s to %s, %s%s%s", base, new, ratio, *interval ? " " : "", interval);
	if (isnan(c->q))
		return to->error;
	format_p(p, c->q);
	return buf_printf(to, ", p = %s", p);
}

const char *words_state(const struct gate_metric *m, enum gate_state s)
{
	bool unclear = s == GATE_SAME && m->outcome == GATE_INCONCLUSIVE;

	return unclear ? "unclear" : gate_state_name(s);
}

int words_place(struct buf *to, const struct gate_row *r)
{
	buf_printf(to, "%s", r->file);
	if (*r->file && r->line > 0)
		buf_printf(to, ":%" PRId64, r->line);
	return to->error;
}

int words_cause(struct buf *to, const struct gate_row *r)
{
	if (r->caller) {
		buf_printf(to, "by ");
		brief_name(to, r->caller);
		buf_printf(to, " (%.0f%%)", r->caller_part * 100);
	}
	if (r->through) {
		buf_printf(to, "%sin ", r->caller ? ", " : "");
		brief_name(to, r->through);
	}
	return to->error;
}

int words_row(struct buf *to, const struct gate_row *r, const char *unit)
{
	static const char *const said[] = {
		[GATE_SAME] = "shows no clear change",
		[GATE_REGRESSED] = "regressed",
		[GATE_BETTER] = "improved",
		[GATE_ROW_MOVED] = "gained or lost what others lost or gained",
		[GATE_CALLEES] = "changed by its callees",
		[GATE_SUSPECT] = "may have regressed",
		[GATE_WARNING] = "may have regressed",
		[GATE_IGNORED] = "is ignored",
	};

	brief_name(to, r->name);
	buf_printf(to, " %s%s: ", said[r->state], row_with_callees(r) ? " with its callees" : "");
	words_change(to, row_change(r), unit);
	if (r->caller || r->through)
		buf_printf(to, ", ");
	return words_cause(to, r);
}

int words_total(struct buf *to, const struct gate_metric *m)
{
	static const char *const said[] = {
		[GATE_SAME] = "shows no clear change",
		[GATE_REGRESSED] = "regressed",
		[GATE_BETTER] = "improved",
		[GATE_WARNING] = "may have regressed",
	};

	buf_printf(to, "the total %s: ", said[m->total_state]);
	return words_change(to, &m->total, m->unit);
}

int words_runs(struct buf *to, const struct gate_metric *m)
{
	size_t changed = 0;
	char visible[FORMAT_MAX];

	vec_for_each(row, &m->rows)
		changed += row_tells(row);
	buf_printf(to, "%zu and %zu runs, %.0f and %.0f samples; %zu of %zu functions changed",
		   m->base_runs, m->new_runs, m->base_samples, m->new_samples, changed,
		   m->rows.len);
	if (isnan(m->visible))
		return to->error;
	if (m->visible == 0)
		return buf_printf(to, "; any rise of the total would be seen");
	format_percent(visible, m->visible);
	return buf_printf(to, "; a rise of the total by %s would be seen (power 90%%)", visible);
}

int words_self(struct buf *to, const struct gate_metric *m)
{
	char rate[FORMAT_MAX];

	format_percent(rate, m->self.rate_high);
	return buf_printf(to,
			  "%zu false alarms in %zu comparisons drawn from these runs: a rate of at "
			  "most %s, with 95%% confidence",
			  m->self.false_alarms, m->self.trials, rate);
}

int words_power(struct buf *to, const struct gate_metric *m)
{
	char rise[FORMAT_MAX];

	format_percent(rise, m->power_rise);
	if (m->power_runs == 0)
		return buf_printf(to,
				  "a rise of the total by %s would take more than %d runs a side",
				  rise, GATE_RUNS_MAX);
	return buf_printf(
		to, "a rise of the total by %s would be seen with %zu runs a side (power 90%%)",
		rise, m->power_runs);
}

int words_folded(struct buf *to, const struct gate_metric *m, const struct gate_folded *f)
{
	char value[FORMAT_MAX];
	bool added = f->new > f->base;

	format_value(value, added ? f->new : f->base, m->unit);
	buf_printf(to, "%s in the %s runs: ", f->base > 0 && f->new > 0 ? "nearly only" : "only",
		   added ? "new" : "base");
	brief_name(to, f->name);
	buf_printf(to, " (%s)", value);
	if (!f->into)
		return to->error;
	buf_printf(to, ", counted as ");
	brief_name(to, f->into);
	return buf_printf(to, "'s");
}

static int put_machine(struct buf *to, const char *whose, const struct gate_machine *m)
{
	const char *between = "";

	buf_printf(to, "%s: ", whose);
	if (m->cpus || *m->cpu)
		between = ", ";
	if (m->cpus)
		buf_printf(to, "%ld CPU%s%s", m->cpus, m->cpus == 1 ? "" : "s",
			   *m->cpu ? ", " : "");
	buf_printf(to, "%s", m->cpu);
	if (*m->kernel) {
		buf_printf(to, "%s%s", between, m->kernel);
		between = ", ";
	}
	return *m->host ? buf_printf(to, "%shost %s", between, m->host) : to->error;
}

static bool is_known(const struct gate_machine *m)
{
	return m->cpus || *m->cpu || *m->kernel || *m->host;
}

int words_machines(struct buf *to, const struct gate_verdict *v)
{
	const struct gate_machine *base = &v->machines[GATE_BASE], *new = &v->machines[GATE_NEW];
	bool same = base->cpus == new->cpus &&strcmp(base->cpu, new->cpu) == 0 &&
		    strcmp(base->kernel, new->kernel) == 0 && strcmp(base->host, new->host) == 0;

	if (is_known(base))
		put_machine(to, same ? "machine" : "base machine", base);
	if (same || !is_known(new))
		return to->error;
	if (is_known(base))
		buf_printf(to, "; ");
	return put_machine(to, "new machine", new);
}
