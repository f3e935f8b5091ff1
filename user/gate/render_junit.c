// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "base/cleanup.h"
#include "gate/escape.h"
#include "gate/render.h"
#include "gate/words.h"

/* Of one case, or all of several. */
struct tally {
	size_t tests, failures, skipped;
};

enum fate { FATE_PASSED, FATE_FAILED, FATE_SKIPPED };

/* No case of a metric without a verdict has one. */
static enum fate fate_of(const struct gate_metric *m, enum gate_state s)
{
	if (m->outcome == GATE_INCONCLUSIVE)
		return FATE_SKIPPED;
	return s == GATE_REGRESSED ? FATE_FAILED : FATE_PASSED;
}

static void add_fate(struct tally *t, enum fate f)
{
	t->tests++;
	t->failures += f == FATE_FAILED;
	t->skipped += f == FATE_SKIPPED;
}

static struct tally tally_of(const struct gate_metric *m)
{
	struct tally t = { 0 };

	add_fate(&t, fate_of(m, m->total_state));
	vec_for_each(row, &m->rows)
		add_fate(&t, fate_of(m, row->state));
	return t;
}

static void put_attribute(struct buf *to, const char *name, const char *value)
{
	buf_printf(to, " %s=\"", name);
	escape_add(to, ESCAPE_XML, value, 0);
	buf_printf(to, "\"");
}

/* What a suite has, and all suites together. */
static void put_tally(struct buf *to, const struct tally *t)
{
	buf_printf(to, " tests=\"%zu\" failures=\"%zu\" errors=\"0\"", t->tests, t->failures);
}

static void put_property(struct buf *to, const char *name, const char *value)
{
	buf_printf(to, "      <property");
	put_attribute(to, "name", name);
	put_attribute(to, "value", value);
	buf_printf(to, "/>\n");
}

/* What a case says: in the message of its failure, or as its output. */
static void put_fate(struct buf *to, enum fate f, const struct buf *says)
{
	const char *text = says->len ? says->data : "";

	if (says->error)
		to->error = says->error;
	if (f == FATE_PASSED) {
		buf_printf(to, "      <system-out>");
		escape_add(to, ESCAPE_XML, text, 0);
		buf_printf(to, "</system-out>\n");
		return;
	}
	buf_printf(to, "      <%s", f == FATE_FAILED ? "failure" : "skipped");
	put_attribute(to, "message", text);
	if (f == FATE_FAILED)
		put_attribute(to, "type", "regression");
	buf_printf(to, "/>\n");
}

static void put_case(struct buf *to, const struct gate_metric *m, const char *name)
{
	_cleanup_(buf_deinit) struct buf class = { 0 };

	if (buf_printf(&class, "cprofbpf.gate.%s", m->name) < 0)
		to->error = class.error;
	buf_printf(to, "    <testcase");
	put_attribute(to, "classname", class.len ? class.data : "");
	put_attribute(to, "name", name);
}

/* Where it is has no attribute that all readers know. */
static void put_says(struct buf *to, const struct gate_metric *m, const struct gate_row *r)
{
	words_row(to, r, m->unit);
	if (*r->file)
		buf_printf(to, ", ");
	words_place(to, r);
}

static void put_total(struct buf *to, const struct gate_metric *m)
{
	_cleanup_(buf_deinit) struct buf says = { 0 };
	const struct gate_row *culprit = words_culprit(m);
	enum fate f = fate_of(m, m->total_state);

	words_total(&says, m);
	vec_for_each(reason, &m->reasons)
		if (reason_tells(m, reason))
			buf_printf(&says, "; %s", reason->text);
	if (f == FATE_FAILED && culprit) {
		buf_printf(&says, "; ");
		put_says(&says, m, culprit);
	}
	put_case(to, m, "total");
	buf_printf(to, ">\n");
	put_fate(to, f, &says);
	buf_printf(to, "    </testcase>\n");
}

static void put_row(struct buf *to, const struct gate_metric *m, const struct gate_row *r)
{
	_cleanup_(buf_deinit) struct buf says = { 0 };

	put_says(&says, m, r);
	put_case(to, m, r->name);
	buf_printf(to, ">\n");
	put_fate(to, fate_of(m, r->state), &says);
	buf_printf(to, "    </testcase>\n");
}

static void put_properties(struct buf *to, const struct gate_verdict *v,
			   const struct gate_metric *m)
{
	_cleanup_(buf_deinit) struct buf alpha = { 0 }, seed = { 0 }, runs = { 0 };

	if (buf_printf(&alpha, "%g", m->alpha) < 0 || buf_printf(&seed, "%" PRIu64, v->seed) < 0 ||
	    words_runs(&runs, m) < 0) {
		to->error = -ENOMEM;
		return;
	}
	buf_printf(to, "    <properties>\n");
	put_property(to, "outcome", gate_outcome_name(m->outcome));
	put_property(to, "alpha", alpha.data);
	put_property(to, "seed", seed.data);
	put_property(to, "runs", runs.data);
	vec_for_each(note, &m->notes)
		put_property(to, "note", *note);
	buf_printf(to, "    </properties>\n");
}

int gate_render_junit(const struct gate_verdict *v, struct buf *to)
{
	struct tally all = { 0 };

	vec_for_each(m, &v->metrics) {
		struct tally t = tally_of(m);
		all.tests += t.tests;
		all.failures += t.failures;
	}
	buf_printf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	put_attribute(to, "name", "cprofbpf gate");
	put_tally(to, &all);
	buf_printf(to, ">\n");
	vec_for_each(m, &v->metrics) {
		struct tally t = tally_of(m);
		buf_printf(to, "  <testsuite");
		put_attribute(to, "name", m->name);
		put_tally(to, &t);
		buf_printf(to, " skipped=\"%zu\">\n", t.skipped);
		put_properties(to, v, m);
		put_total(to, m);
		vec_for_each(row, &m->rows)
			put_row(to, m, row);
		buf_printf(to, "  </testsuite>\n");
	}
	return buf_printf(to, "</testsuites>\n");
}
