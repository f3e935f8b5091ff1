// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/reasons.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gate/format.h"
#include "gate/metrics.h"
#include "stats/permute.h"
#include "stats/power.h"
#include "stats/trend.h"

static const char *const sides[] = { "base", "new" };

const char *verdict_printf(struct gate_verdict *v, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	int len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len >= 0 && vec_push(&v->texts.items, text) == 0)
		return text;
	if (len >= 0)
		free(text);
	v->texts.error = -ENOMEM;
	return "";
}

static void add_reason(struct gate_verdict *v, struct gate_metric *m, enum gate_reason_kind kind,
		       size_t runs, const char *text)
{
	struct gate_reason reason = { .kind = kind, .text = text, .runs = runs };

	if (vec_push(&m->reasons, reason) < 0)
		v->texts.error = -ENOMEM;
}

static void add_note(struct gate_verdict *v, struct gate_metric *m, const char *text)
{
	if (vec_push(&m->notes, text) < 0)
		v->texts.error = -ENOMEM;
}

/* ---- Runs and samples ---- */

double reasons_variation(const struct comparison *c)
{
	double squares = 0;
	const size_t starts[] = { 0, c->base_len, c->len };

	for (int side = GATE_BASE; side <= GATE_NEW; side++) {
		double mean = c->means[side];
		for (size_t i = starts[side]; i < starts[side + 1] && mean > 0; i++)
			squares += (c->totals[i] / mean - 1) * (c->totals[i] / mean - 1);
	}
	return c->len > 2 ? sqrt(squares / (double)(c->len - 2)) : NAN;
}

/* How many runs a side see a rise by the policy's resolution; 0: more than GATE_RUNS_MAX. */
static size_t resolution_runs(const struct comparison *c, double variation)
{
	if (variation == 0)
		return permute_runs_needed(c->total_level);
	return power_runs(c->policy->resolution / variation, REASONS_POWER, c->total_level,
			  GATE_RUNS_MAX);
}

/* "; 12 a side would see a rise of 10%", "" where it is not known how runs vary, or `enough` do. */
static const char *resolution_text(struct gate_verdict *v, const struct comparison *c,
				   double variation, size_t enough, size_t *runs)
{
	char rise[FORMAT_MAX];

	*runs = 0;
	if (isnan(variation))
		return "";
	*runs = resolution_runs(c, variation);
	format_percent(rise, c->policy->resolution);
	if (*runs && *runs <= enough)
		return "";
	return *runs ? verdict_printf(v, "; %zu a side would see a rise of %s", *runs, rise)
		     : verdict_printf(v, "; more than %d a side are needed to see a rise of %s",
				      GATE_RUNS_MAX, rise);
}

/* How many runs a side can reach the levels, the functions' too. */
static size_t runs_needed(const struct comparison *c)
{
	double tests = c->tests ? (double)c->tests : 1;

	return permute_runs_needed(fmin(c->total_level, c->function_level / tests));
}

static void check_runs(struct gate_verdict *v, struct gate_metric *m, const struct comparison *c)
{
	size_t runs, needed = runs_needed(c);
	double variation = reasons_variation(c);
	char level[FORMAT_MAX], smallest[FORMAT_MAX];
	double p = permute_smallest_p(c->base_len, c->new_len);

	if (!comparison_reaches(c, 1, c->total_level)) {
		format_p(level, c->total_level);
		format_p(smallest, p);
		const char *resolution = resolution_text(v, c, variation, needed, &runs);
		add_reason(v, m, GATE_FEW_RUNS, runs > needed ? runs : needed,
			   verdict_printf(v,
					  "%zu and %zu runs are too few: their smallest p is %s, "
					  "not %s; %zu a side can decide%s",
					  c->base_len, c->new_len, smallest, level, needed,
					  resolution));
		return;
	}
	if (m->tests && !comparison_reaches(c, m->tests, c->function_level)) {
		format_p(level, c->function_level);
		format_p(smallest, p * (double)m->tests);
		add_reason(v, m, GATE_FEW_RUNS_FUNCTIONS, needed,
			   verdict_printf(v,
					  "%zu and %zu runs are too few to judge functions: the "
					  "smallest p of %zu tests is %s, not %s; %zu a side can",
					  c->base_len, c->new_len, m->tests, smallest, level,
					  needed));
	}
	if (m->visible > c->policy->resolution) {
		char visible[FORMAT_MAX];
		format_percent(visible, m->visible);
		const char *resolution = resolution_text(v, c, variation, 0, &runs);
		add_reason(v, m, GATE_RESOLUTION, runs,
			   verdict_printf(v,
					  "runs vary too much: a rise of the total below %s could "
					  "go unseen%s",
					  visible, resolution));
	}
}

/* Whether all runs were profiled from exec to exit. */
static bool all_whole(const struct comparison *c)
{
	for (size_t i = 0; i < c->len; i++)
		if (!comparison_entry(c, i)->run->whole)
			return false;
	return true;
}

static void check_samples(struct gate_verdict *v, struct gate_metric *m, const struct comparison *c)
{
	double base = m->base_samples / (double)c->base_len;
	double new = m->new_samples / (double)c->new_len;
	double times = ceil(c->policy->min_samples / fmax(fmax(base, new), 1));

	if (m->base_samples == 0 && m->new_samples == 0 && strcmp(m->name, "cpu") != 0) {
		add_note(v, m, "nothing of this was seen on either side");
		return;
	}
	if (base >= c->policy->min_samples || new >= c->policy->min_samples ||
	    metric_is_counted(c->table, c->picks, c->len))
		return;
	const char *way_out =
		verdict_printf(v,
			       all_whole(c) ? "let a run do %.0f times the work"
					    : "profile %.0f times as long or as often",
			       times);
	add_reason(v, m, GATE_FEW_SAMPLES, 0,
		   verdict_printf(v, "%.0f and %.0f samples a run are too few, %.0f are needed: %s",
				  base, new, c->policy->min_samples, way_out));
}

/* ---- Runs set aside ---- */

#define ASIDE_NAMED 3

/* "base-07.cpu.pb.gz (1.14s)", of the entry of the table. */
static const char *aside_text(struct gate_verdict *v, const struct comparison *c, size_t entry)
{
	const struct table_entry *at = &c->table->entries.items[entry];
	const char *source = at->run->source, *slash = strrchr(source, '/');
	char total[FORMAT_MAX];

	format_value(total, at->total, c->table->unit);
	return verdict_printf(v, "%s (%s)", slash ? slash + 1 : source, total);
}

/* How likely that many of those set aside or more are of one side by chance; two-sided. */
static int aside_p(const struct comparison *c, const bool *aside, double *p, struct err *e)
{
	size_t len = c->table->entries.len;
	_cleanup_free_ double *values = calloc(len, sizeof(*values));
	struct prng rng;

	if (!values)
		return err_set(e, -ENOMEM, "cannot judge %s", c->table->metric);
	for (size_t i = 0; i < len; i++)
		values[i] = aside[i];
	comparison_prng(c, &rng);
	return permute_tests(values, 1, c->table->base_len, c->table->new_len, 0.05, &rng, p, e);
}

static int check_aside(struct gate_verdict *v, struct gate_metric *m, const struct comparison *c,
		       struct err *e)
{
	size_t len = c->table->entries.len, count = len - c->len, named = 0;
	_cleanup_free_ bool *aside = malloc(len * sizeof(*aside));
	const char *names = "";
	double p;

	if (count == 0)
		return 0;
	if (!aside)
		return err_set(e, -ENOMEM, "cannot judge %s", m->name);
	memset(aside, true, len * sizeof(*aside));
	for (size_t i = 0; i < c->len; i++)
		aside[c->picks[i]] = false;
	for (size_t i = 0; i < len && named < ASIDE_NAMED; i++)
		if (aside[i])
			names = verdict_printf(v, "%s%s%s", names, named++ ? ", " : "",
					       aside_text(v, c, i));
	const char *more = count > named ? verdict_printf(v, " and %zu more", count - named) : "";
	int rc = aside_p(c, aside, &p, e);
	if (rc < 0)
		return rc;
	add_note(v, m,
		 verdict_printf(v, "%zu of %zu runs set aside, far from the others: %s%s", count,
				len, names, more));
	if (p <= 0.05)
		add_reason(
			v, m, GATE_FAR_RUNS, 0,
			verdict_printf(v,
				       "of the runs set aside %zu are of the base side and %zu of "
				       "the new: find what slows some runs of one",
				       m->base_aside, m->new_aside));
	return 0;
}

/* ---- The machine ---- */

static const char *const facts[] = { "CPU", "number of CPUs", "kernel", "host" };
enum { FACTS = ARRAY_SIZE(facts), FACT_HOST = FACTS - 1 };

/* "" if not known. */
static const char *fact_text(const struct gate_run *run, size_t fact, char number[24])
{
	const struct run_machine *m = &run->machine;

	switch (fact) {
	case 0:
		return m->cpu;
	case 1:
		snprintf(number, 24, "%ld", m->cpus);
		return m->cpus ? number : "";
	case 2:
		return m->kernel;
	default:
		return m->host;
	}
}

static void check_machines(struct gate_verdict *v, struct gate_metric *m,
			   const struct comparison *c)
{
	bool known = false;

	for (size_t fact = 0; fact < FACTS; fact++) {
		const char *first = "", *side = "";
		char numbers[2][24];
		for (size_t i = 0; i < c->len; i++) {
			const char *text = fact_text(comparison_entry(c, i)->run, fact,
						     numbers[*first != '\0']);
			known |= *text != '\0';
			if (!*first) {
				first = text;
				side = sides[comparison_side(c, i)];
			}
			if (!*text || strcmp(first, text) == 0)
				continue;
			const char *differ = verdict_printf(
				v, "the %s is not the same in all runs: '%s' (%s), '%s' (%s)",
				facts[fact], first, side, text, sides[comparison_side(c, i)]);
			if (fact == FACT_HOST)
				add_note(v, m, differ);
			else
				add_reason(v, m, GATE_MACHINES, 0, differ);
			break;
		}
	}
	if (!known)
		add_note(v, m, "the profiles do not tell what machine they are from");
}

/* Functions of stored profiles can only be told if somebody named them. */
static void check_names(struct gate_verdict *v, struct gate_metric *m, const struct comparison *c)
{
	double named = 0;

	for (size_t i = 0; i < c->len; i++)
		named += comparison_entry(c, i)->run->named / (double)c->len;
	if (named < 0.5)
		add_note(v, m,
			 "most of this is in code without function names: symbolize the profiles "
			 "first, for instance by pprof -proto");
}

/* ---- Drift ---- */

/* Whether the runs of the sides alternated: the times of neither are all before the other's. */
static int alternate(const struct comparison *c, bool *ret, struct err *e)
{
	_cleanup_free_ double *ranks = calloc(c->len, sizeof(*ranks));
	struct prng rng;
	double p;

	if (!ranks)
		return err_set(e, -ENOMEM, "cannot judge %s", c->table->metric);
	for (size_t i = 0; i < c->len; i++)
		for (size_t k = 0; k < c->len; k++)
			ranks[i] += comparison_entry(c, k)->run->order <
				    comparison_entry(c, i)->run->order;
	comparison_prng(c, &rng);
	int rc = permute_tests(ranks, 1, c->base_len, c->new_len, 0.05, &rng, &p, e);
	*ret = p > 0.05;
	return rc;
}

/* Whether it is known in what order the runs of each side were made. */
static bool in_order(const struct comparison *c)
{
	for (size_t i = 1; i < c->len; i++)
		if (i != c->base_len &&
		    comparison_entry(c, i - 1)->run->order >= comparison_entry(c, i)->run->order)
			return false;
	return true;
}

static int check_drift(struct gate_verdict *v, struct gate_metric *m, const struct comparison *c,
		       struct err *e)
{
	if (!in_order(c))
		return 0;
	bool alternating = false;
	int rc = alternate(c, &alternating, e);

	if (rc == 0 && !alternating && !metric_is_counted(c->table, c->picks, c->len))
		add_note(v, m,
			 "the runs of the sides did not alternate: what changed on the machine in "
			 "between looks like a change of the program");
	for (int side = GATE_BASE; side <= GATE_NEW && rc == 0; side++) {
		const double *values = c->totals + (side == GATE_BASE ? 0 : c->base_len);
		size_t len = side == GATE_BASE ? c->base_len : c->new_len;
		struct trend t;
		char rise[FORMAT_MAX], p[FORMAT_MAX];
		rc = trend_test(values, len, &t, e);
		if (rc < 0 || t.p > c->function_level ||
		    fabs(t.rise) < c->total_floors.total * c->means[side])
			continue;
		format_ratio(rise, 1 + t.rise / c->means[side]);
		format_p(p, t.p);
		const char *text = verdict_printf(
			v,
			"the runs of the %s side drift by %s from the first to the last "
			"(p = %s)%s",
			sides[side], rise, p,
			alternating ? "; those of the other side ran in between"
				    : ": warm up, or let the sides alternate");
		if (alternating)
			add_note(v, m, text);
		else
			add_reason(v, m, GATE_DRIFT, 0, text);
	}
	return rc;
}

/* ---- Beside the samples ---- */

/* Whether the CPU time of the processes changed in a direction as a total does that regresses. */
static bool rusage_agrees(const struct gate_metric *m, int direction)
{
	const struct gate_change *r = &m->rusage;

	return r->p <= m->alpha && direction * (r->ratio - 1) >= m->floors.total;
}

static int check_rusage(struct gate_verdict *v, struct gate_metric *m, const struct comparison *c,
			struct err *e)
{
	_cleanup_free_ double *values = calloc(2 * c->len, sizeof(*values));
	double *seconds = values, *coverage = values + c->len, p[2];
	struct prng rng;

	if (!values)
		return err_set(e, -ENOMEM, "cannot judge %s", m->name);
	m->rusage = (struct gate_change){ NAN, NAN, NAN, NAN, NAN, NAN, NAN };
	for (size_t i = 0; i < c->len; i++) {
		const struct gate_run *run = comparison_entry(c, i)->run;
		seconds[i] = run->cpu_seconds / run->work;
		if (seconds[i] <= 0 || strcmp(m->name, "cpu") != 0 ||
		    strcmp(m->unit, "nanoseconds") != 0)
			return 0;
		coverage[i] = c->totals[i] / 1e9 / seconds[i];
	}
	comparison_prng(c, &rng);
	int rc = permute_tests(values, 2, c->base_len, c->new_len, c->function_level, &rng, p, e);
	if (rc < 0)
		return rc;
	m->rusage = comparison_change(c, seconds);
	m->rusage.p = m->rusage.q = p[0];
	struct gate_change change = comparison_change(c, coverage);
	if (p[1] > c->function_level || fabs(change.ratio - 1) < c->total_floors.total)
		return 0;
	char sampled[FORMAT_MAX], used[FORMAT_MAX];
	format_ratio(sampled, m->total.ratio);
	format_ratio(used, m->rusage.ratio);
	add_reason(
		v, m, GATE_COVERAGE, 0,
		verdict_printf(v,
			       "samples and CPU time disagree: %s sampled, %s used; the profiles "
			       "of a side miss a part",
			       sampled, used));
	return 0;
}

/* Chosen lengths of time are no measure of work. */
static void check_durations(struct gate_verdict *v, struct gate_metric *m,
			    const struct comparison *c)
{
	double mean[2] = { 0 };

	for (size_t i = 0; i < c->len; i++) {
		enum gate_side side = comparison_side(c, i);
		const struct gate_run *run = comparison_entry(c, i)->run;
		if (run->duration_ns <= 0 || run->work != 1 || run->whole)
			return;
		mean[side] += (double)run->duration_ns / 1e9 /
			      (double)(side == GATE_BASE ? c->base_len : c->new_len);
	}
	if (fabs(mean[GATE_NEW] / mean[GATE_BASE] - 1) > 0.1)
		add_note(v, m,
			 verdict_printf(v,
					"runs last %.3g s (base) and %.3g s (new): if that was "
					"chosen, compare per unit of work",
					mean[GATE_BASE], mean[GATE_NEW]));
}

int reasons_find(struct gate_verdict *v, struct gate_metric *m, const struct comparison *c,
		 struct err *e)
{
	double variation = reasons_variation(c);

	m->visible =
		variation * power_shift(REASONS_POWER, c->base_len, c->new_len, c->total_level);
	if (variation == 0 && comparison_reaches(c, 1, c->total_level))
		m->visible = 0;
	if (isinf(m->visible))
		m->visible = NAN;
	check_samples(v, m, c);
	check_runs(v, m, c);
	check_names(v, m, c);
	check_machines(v, m, c);
	int rc = check_aside(v, m, c, e);
	if (rc == 0)
		rc = check_drift(v, m, c, e);
	if (rc == 0)
		rc = check_rusage(v, m, c, e);
	check_durations(v, m, c);
	return rc;
}

bool reasons_forbid(const struct gate_metric *m, enum gate_outcome outcome)
{
	vec_for_each(r, &m->reasons) {
		switch (r->kind) {
		case GATE_FEW_RUNS_FUNCTIONS:
			if (outcome != GATE_REGRESSION)
				return true;
			break;
		case GATE_RESOLUTION:
		case GATE_FAR_RUNS:
			if (outcome == GATE_PASS || outcome == GATE_MOVED)
				return true;
			break;
		case GATE_COVERAGE:
			if (!(outcome == GATE_REGRESSION && rusage_agrees(m, 1)) &&
			    !(outcome == GATE_IMPROVED && rusage_agrees(m, -1)))
				return true;
			break;
		default:
			return true;
		}
	}
	return false;
}

/* ---- What the caller knows ---- */

int gate_verdict_stop(struct gate_verdict *v, const char *why)
{
	const char *text = verdict_printf(v, "%s", why);

	vec_for_each(m, &v->metrics) {
		m->outcome = GATE_INCONCLUSIVE;
		add_reason(v, m, GATE_STOPPED, 0, text);
	}
	v->outcome = GATE_INCONCLUSIVE;
	return v->texts.error;
}

int gate_verdict_note(struct gate_verdict *v, const char *text)
{
	const char *kept = verdict_printf(v, "%s", text);

	vec_for_each(m, &v->metrics)
		add_note(v, m, kept);
	return v->texts.error;
}
