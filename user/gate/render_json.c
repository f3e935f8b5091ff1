// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <math.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "gate/escape.h"
#include "gate/render.h"

/* More than any statistic is worth, and no noise of the mathematical library. */
#define DIGITS 12

/*
 * Values are made and stored with all errors deferred: storing NULL fails, and leaves the object
 * without the key, so every store is counted.
 */
struct writer {
	bool failed;
};

static void set(struct writer *w, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		w->failed = true;
}

static void append(struct writer *w, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		w->failed = true;
}

/* null for what is not known, and for what is infinite. */
static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *count(size_t n)
{
	return json_integer((json_int_t)n);
}

/* null for NULL. */
static json_t *text(const char *s)
{
	_cleanup_(buf_deinit) struct buf safe = { 0 };

	if (!s)
		return json_null();
	if (escape_add(&safe, ESCAPE_JSON, s, 0) < 0)
		return NULL;
	return json_stringn(safe.len ? safe.data : "", safe.len);
}

static json_t *change(struct writer *w, const struct gate_change *c)
{
	json_t *o = json_object();

	set(w, o, "base", number(c->base));
	set(w, o, "new", number(c->new));
	set(w, o, "ratio", number(c->ratio));
	set(w, o, "low", number(c->low));
	set(w, o, "high", number(c->high));
	set(w, o, "p", number(c->p));
	set(w, o, "q", number(c->q));
	return o;
}

static json_t *row(struct writer *w, const struct gate_row *r)
{
	json_t *o = json_object();

	set(w, o, "name", text(r->name));
	set(w, o, "file", text(*r->file ? r->file : NULL));
	set(w, o, "line", r->line ? json_integer(r->line) : json_null());
	set(w, o, "state", text(gate_state_name(r->state)));
	set(w, o, "by", text(r->by_cum ? "cumulative" : "own"));
	set(w, o, "culprit", json_boolean(r->culprit));
	set(w, o, "own", change(w, &r->own));
	set(w, o, "cumulative", change(w, &r->cum));
	set(w, o, "relative_floor", number(r->floors.relative));
	set(w, o, "absolute_floor", number(r->floors.absolute));
	set(w, o, "caller", text(r->caller));
	set(w, o, "caller_part", r->caller ? number(r->caller_part) : json_null());
	set(w, o, "through", text(r->through));
	return o;
}

static json_t *rows(struct writer *w, const struct gate_metric *m)
{
	json_t *array = json_array();

	vec_for_each(r, &m->rows)
		append(w, array, row(w, r));
	return array;
}

static json_t *folded(struct writer *w, const struct gate_metric *m)
{
	json_t *array = json_array();

	vec_for_each(f, &m->folded) {
		json_t *o = json_object();
		set(w, o, "name", text(f->name));
		set(w, o, "base", number(f->base));
		set(w, o, "new", number(f->new));
		set(w, o, "into", text(f->into));
		append(w, array, o);
	}
	return array;
}

static json_t *reasons(struct writer *w, const struct gate_metric *m)
{
	json_t *array = json_array();

	vec_for_each(r, &m->reasons) {
		json_t *o = json_object();
		set(w, o, "kind", text(gate_reason_name(r->kind)));
		set(w, o, "text", text(r->text));
		set(w, o, "runs", r->runs ? count(r->runs) : json_null());
		append(w, array, o);
	}
	return array;
}

static json_t *notes(struct writer *w, const struct gate_metric *m)
{
	json_t *array = json_array();

	vec_for_each(note, &m->notes)
		append(w, array, text(*note));
	return array;
}

static json_t *self(struct writer *w, const struct gate_self *s)
{
	if (s->trials == 0)
		return json_null();
	json_t *o = json_object();
	set(w, o, "comparisons", count(s->trials));
	set(w, o, "false_alarms", count(s->false_alarms));
	set(w, o, "rate_at_most", number(s->rate_high));
	return o;
}

static json_t *power(struct writer *w, const struct gate_metric *m)
{
	if (m->power_rise == 0)
		return json_null();
	json_t *o = json_object();
	set(w, o, "rise", number(m->power_rise));
	set(w, o, "runs", m->power_runs ? count(m->power_runs) : json_null());
	return o;
}

static json_t *metric(struct writer *w, const struct gate_metric *m)
{
	json_t *o = json_object();

	set(w, o, "name", text(m->name));
	set(w, o, "unit", text(m->unit));
	set(w, o, "outcome", text(gate_outcome_name(m->outcome)));
	set(w, o, "alpha", number(m->alpha));
	set(w, o, "base_runs", count(m->base_runs));
	set(w, o, "new_runs", count(m->new_runs));
	set(w, o, "base_set_aside", count(m->base_aside));
	set(w, o, "new_set_aside", count(m->new_aside));
	set(w, o, "base_samples", number(m->base_samples));
	set(w, o, "new_samples", number(m->new_samples));
	set(w, o, "by_counts", json_boolean(m->by_counts));
	set(w, o, "total_state", text(gate_state_name(m->total_state)));
	set(w, o, "total_floor", number(m->floors.total));
	set(w, o, "total", change(w, &m->total));
	set(w, o, "rusage_seconds", isnan(m->rusage.p) ? json_null() : change(w, &m->rusage));
	set(w, o, "changed", isnan(m->moved.p) ? json_null() : change(w, &m->moved));
	set(w, o, "visible_rise", number(m->visible));
	set(w, o, "function_tests", count(m->tests));
	set(w, o, "functions", rows(w, m));
	set(w, o, "one_sided", folded(w, m));
	set(w, o, "reasons", reasons(w, m));
	set(w, o, "notes", notes(w, m));
	set(w, o, "selfcheck", self(w, &m->self));
	set(w, o, "power", power(w, m));
	return o;
}

static json_t *machine(struct writer *w, const struct gate_machine *m)
{
	json_t *o = json_object();

	set(w, o, "cpu", text(*m->cpu ? m->cpu : NULL));
	set(w, o, "cpus", m->cpus ? json_integer(m->cpus) : json_null());
	set(w, o, "kernel", text(*m->kernel ? m->kernel : NULL));
	set(w, o, "host", text(*m->host ? m->host : NULL));
	return o;
}

static json_t *verdict(struct writer *w, const struct gate_verdict *v)
{
	json_t *o = json_object(), *metrics = json_array();

	vec_for_each(m, &v->metrics)
		append(w, metrics, metric(w, m));
	set(w, o, "outcome", text(gate_outcome_name(v->outcome)));
	set(w, o, "status", json_integer(gate_outcome_status(v->outcome)));
	set(w, o, "alpha", number(v->alpha));
	set(w, o, "seed", json_integer((json_int_t)v->seed));
	set(w, o, "strict", json_boolean(v->strict));
	set(w, o, "base_machine", machine(w, &v->machines[0]));
	set(w, o, "new_machine", machine(w, &v->machines[1]));
	set(w, o, "metrics", metrics);
	return o;
}

static int add_bytes(const char *bytes, size_t len, void *to)
{
	return buf_add(to, bytes, len);
}

int gate_render_json(const struct gate_verdict *v, struct buf *to)
{
	struct writer w = { 0 };
	json_t *o = verdict(&w, v);

	if (w.failed ||
	    json_dump_callback(o, add_bytes, to, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS)) < 0)
		to->error = -ENOMEM;
	json_decref(o);
	return buf_add(to, "\n", 1);
}
