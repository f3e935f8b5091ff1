// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/judge.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gate/findings.h"
#include "gate/metrics.h"
#include "gate/reasons.h"

const char *gate_outcome_name(enum gate_outcome o)
{
	static const char *const names[] = {
		[GATE_PASS] = "pass",
		[GATE_IMPROVED] = "improved",
		[GATE_MOVED] = "moved",
		[GATE_INCONCLUSIVE] = "inconclusive",
		[GATE_REGRESSION] = "regression",
	};
	return names[o];
}

int gate_outcome_status(enum gate_outcome o)
{
	return o == GATE_REGRESSION ? 1 : o == GATE_INCONCLUSIVE ? 3 : 0;
}

const char *gate_state_name(enum gate_state s)
{
	static const char *const names[] = {
		[GATE_SAME] = "same",       [GATE_REGRESSED] = "regressed",
		[GATE_BETTER] = "improved", [GATE_ROW_MOVED] = "moved",
		[GATE_CALLEES] = "callees", [GATE_SUSPECT] = "suspect",
		[GATE_WARNING] = "warning", [GATE_IGNORED] = "ignored",
	};
	return names[s];
}

const char *gate_reason_name(enum gate_reason_kind k)
{
	static const char *const names[] = {
		[GATE_FEW_RUNS] = "few_runs",
		[GATE_FEW_RUNS_FUNCTIONS] = "few_runs_functions",
		[GATE_FEW_SAMPLES] = "few_samples",
		[GATE_RESOLUTION] = "resolution",
		[GATE_MACHINES] = "machines",
		[GATE_DRIFT] = "drift",
		[GATE_COVERAGE] = "coverage",
		[GATE_FAR_RUNS] = "far_runs",
		[GATE_STOPPED] = "stopped",
	};
	return names[k];
}

/* ---- Rows ---- */

/* The states in the order in which their rows are worth reading. */
static int rank_of(enum gate_state s)
{
	static const int ranks[] = {
		[GATE_REGRESSED] = 0, [GATE_SUSPECT] = 1, [GATE_WARNING] = 2, [GATE_BETTER] = 3,
		[GATE_ROW_MOVED] = 4, [GATE_CALLEES] = 5, [GATE_SAME] = 6,    [GATE_IGNORED] = 7,
	};
	return ranks[s];
}

static double amount_of(const struct gate_row *r)
{
	const struct gate_change *change = r->by_cum ? &r->cum : &r->own;

	return fabs(change->new - change->base);
}

static int compare_rows(const void *a, const void *b)
{
	const struct gate_row *x = a, *y = b;
	double p = amount_of(x), q = amount_of(y);

	if (x->culprit != y->culprit)
		return x->culprit ? -1 : 1;
	if (rank_of(x->state) != rank_of(y->state))
		return rank_of(x->state) - rank_of(y->state);
	if (p != q)
		return p < q ? 1 : -1;
	return strcmp(x->name, y->name);
}

static const char *keep_text(struct gate_verdict *v, const char *text)
{
	return verdict_printf(v, "%s", text);
}

static const char *keep_name(struct gate_verdict *v, const struct table *t, uint32_t name)
{
	return keep_text(v, table_name(t, name));
}

static void add_row(struct gate_verdict *v, struct gate_metric *m, const struct comparison *c,
		    const struct findings *f, uint32_t i)
{
	const struct table *t = c->table;
	const struct finding *found = &f->functions[i];
	const struct table_place *place = &t->places.items[c->names[i]];
	const struct run_function *at = &place->run->functions.items[place->function];
	struct gate_row row = {
		.name = keep_name(v, t, c->names[i]),
		.file = keep_text(v, place->run->names.data + at->file),
		.line = at->line,
		.own = found->own,
		.cum = found->cum,
		.by_cum = found->by_cum,
		.state = found->state,
		.culprit = f->culprit == i,
		.floors = c->floors[i],
	};
	bool changed = found->state != GATE_SAME && found->state != GATE_IGNORED;

	if (changed && found->caller < c->count) {
		row.caller = keep_name(v, t, c->names[found->caller]);
		row.caller_part = found->caller_part;
	}
	if (changed && found->through != COMPARISON_NONE)
		row.through = keep_name(v, t, c->folded_names.items[found->through]);
	if (vec_push(&m->rows, row) < 0)
		v->texts.error = -ENOMEM;
}

static int compare_folded(const void *a, const void *b)
{
	const struct gate_folded *x = a, *y = b;
	double p = fmax(x->base, x->new), q = fmax(y->base, y->new);

	if (p != q)
		return p < q ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void add_folded(struct gate_verdict *v, struct gate_metric *m, const struct comparison *c,
		       const struct context *x, uint32_t i)
{
	const struct table *t = c->table;
	uint32_t name = c->folded_names.items[i], into = (uint32_t)c->count;
	double most = 0;

	for (uint32_t caller = 0; caller < c->count; caller++) {
		size_t at = caller * x->folded + i;
		double value = x->sides[GATE_BASE].into[at] + x->sides[GATE_NEW].into[at];
		if (value > most) {
			most = value;
			into = caller;
		}
	}
	struct gate_folded folded = {
		.name = keep_name(v, t, name),
		.base = c->weights[name],
		.new = c->weights[table_name_count(t) + name],
		.into = into < c->count ? keep_name(v, t, c->names[into]) : NULL,
	};
	if (vec_push(&m->folded, folded) < 0)
		v->texts.error = -ENOMEM;
}

static void fill_rows(struct gate_verdict *v, struct gate_metric *m, const struct comparison *c,
		      const struct findings *f)
{
	for (uint32_t i = 0; i < c->count; i++)
		add_row(v, m, c, f, i);
	for (uint32_t i = 0; i < f->context.folded; i++)
		add_folded(v, m, c, &f->context, i);
	if (m->rows.len)
		qsort(m->rows.items, m->rows.len, sizeof(*m->rows.items), compare_rows);
	if (m->folded.len)
		qsort(m->folded.items, m->folded.len, sizeof(*m->folded.items), compare_folded);
}

/* ---- A metric ---- */

static double samples_of(const struct comparison *c, enum gate_side side)
{
	double events = 0;

	for (size_t i = 0; i < c->len; i++) {
		const struct table_entry *entry = comparison_entry(c, i);
		if (comparison_side(c, i) == side)
			events += entry->run->metrics[entry->metric].events;
	}
	return events;
}

static int judge_comparison(struct gate_verdict *v, struct gate_metric *m, struct comparison *c,
			    struct err *e)
{
	_cleanup_(findings_deinit) struct findings f = { 0 };
	int rc = comparison_test(c, e);
	if (rc == 0)
		rc = findings_init(&f, c, true, e);
	if (rc == 0 && !comparison_reaches(c, 1, c->total_level))
		rc = findings_count(&f, c, e);
	if (rc < 0)
		return rc;
	m->alpha = c->function_level;
	m->base_runs = c->table->base_len;
	m->new_runs = c->table->new_len;
	m->base_aside = m->base_runs - c->base_len;
	m->new_aside = m->new_runs - c->new_len;
	m->base_samples = samples_of(c, GATE_BASE);
	m->new_samples = samples_of(c, GATE_NEW);
	m->total = f.total;
	m->total_state = f.total_state;
	m->floors = c->total_floors;
	m->moved = f.moved;
	m->tests = c->tests;
	m->by_counts = f.by_counts;
	fill_rows(v, m, c, &f);
	rc = reasons_find(v, m, c, e);
	if (rc == 0)
		m->outcome = reasons_forbid(m, f.outcome) ? GATE_INCONCLUSIVE : f.outcome;
	return rc;
}

static int judge_metric(struct gate_verdict *v, const struct gate_runs *runs,
			const struct gate_policy *policy, const char *name, size_t metrics,
			struct err *e)
{
	struct gate_metric added = { .visible = NAN };
	_cleanup_(metric_data_deinit) struct metric_data d = { 0 };
	int rc = metric_data_init(&d, runs, policy, name, metrics, e);
	if (rc < 0)
		return rc;
	added.name = keep_text(v, d.table.metric);
	added.unit = keep_text(v, d.table.unit);
	if (vec_push(&v->metrics, added) < 0)
		return err_set(e, -ENOMEM, "cannot judge %s", name);
	return judge_comparison(v, &v->metrics.items[v->metrics.len - 1], &d.comparison, e);
}

/* ---- All ---- */

static void set_machine(struct gate_verdict *v, const struct gate_runs *runs, enum gate_side side)
{
	const struct gate_run *first = NULL;

	vec_for_each(run, &runs->sides[side])
		if (!first || (*run)->order < first->order)
			first = *run;
	v->machines[side] = (struct gate_machine){
		.cpu = keep_text(v, first ? first->machine.cpu : ""),
		.kernel = keep_text(v, first ? first->machine.kernel : ""),
		.host = keep_text(v, first ? first->machine.host : ""),
		.cpus = first ? first->machine.cpus : 0,
	};
}

static int judge(struct gate_verdict *v, const struct gate_runs *runs,
		 const struct gate_policy *policy, struct err *e)
{
	_cleanup_(metric_names_deinit) struct metric_names names = { 0 };
	int rc = metric_names_init(&names, runs, policy, e);

	set_machine(v, runs, GATE_BASE);
	set_machine(v, runs, GATE_NEW);
	for (size_t i = 0; i < names.len && rc == 0; i++)
		rc = judge_metric(v, runs, policy, names.items[i], names.len, e);
	vec_for_each(m, &v->metrics)
		if (m->outcome > v->outcome)
			v->outcome = m->outcome;
	if (rc == 0 && v->texts.error)
		rc = err_set(e, v->texts.error, "cannot keep the verdict");
	return rc;
}

int gate_judge(const struct gate_runs *runs, const struct gate_policy *policy,
	       struct gate_verdict **ret, struct err *e)
{
	struct gate_verdict *v = calloc(1, sizeof(*v));
	if (!v)
		return err_set(e, -ENOMEM, "cannot judge");
	v->alpha = policy->alpha;
	v->seed = policy->seed;
	v->strict = policy->strict;
	int rc = judge(v, runs, policy, e);
	if (rc < 0) {
		gate_verdict_destroy(v);
		return rc;
	}
	*ret = v;
	return 0;
}

void gate_verdict_destroy(struct gate_verdict *v)
{
	if (!v)
		return;
	vec_for_each(m, &v->metrics) {
		vec_deinit(&m->rows);
		vec_deinit(&m->folded);
		vec_deinit(&m->reasons);
		vec_deinit(&m->notes);
	}
	vec_deinit(&v->metrics);
	vec_for_each(text, &v->texts.items)
		free(*text);
	vec_deinit(&v->texts.items);
	free(v);
}
