// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <inttypes.h>
#include <math.h>

#include "base/cleanup.h"
#include "gate/brief.h"
#include "gate/escape.h"
#include "gate/format.h"
#include "gate/render.h"
#include "gate/words.h"

/* What GitHub takes as a comment, and of it what is kept for the end. */
enum { BYTES_MAX = 65536, BYTES_END = 256, NAME_RUNES = 200, TEXT_RUNES = 1000 };

/* Pieces, whole lines, are added while there is room; after one that did not fit, none. */
struct printer {
	struct buf *to;
	size_t start;
	size_t left_out;
};

static void add_piece(struct printer *p, const struct buf *piece)
{
	if (piece->error)
		p->to->error = piece->error;
	else if (p->left_out || p->to->len - p->start + piece->len > BYTES_MAX - BYTES_END)
		p->left_out++;
	else
		buf_add(p->to, piece->data, piece->len);
}

static void add_line(struct printer *p, const char *line)
{
	_cleanup_(buf_deinit) struct buf piece = { 0 };

	buf_printf(&piece, "%s\n", line);
	add_piece(p, &piece);
}

/* A code span: its fence is longer than any run of backticks within (CommonMark 0.31, 6.1). */
static void put_code(struct buf *to, const char *text)
{
	_cleanup_(buf_deinit) struct buf safe = { 0 };
	size_t longest = 0, run = 0;

	if (escape_add(&safe, ESCAPE_CODE, *text ? text : "?", NAME_RUNES) < 0) {
		to->error = safe.error;
		return;
	}
	for (size_t i = 0; i < safe.len; i++) {
		run = safe.data[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	const char *pad = longest || safe.data[0] == ' ' ? " " : "";
	for (size_t i = 0; i <= longest; i++)
		buf_add(to, "`", 1);
	buf_printf(to, "%s%s%s", pad, safe.data, pad);
	for (size_t i = 0; i <= longest; i++)
		buf_add(to, "`", 1);
}

static void put_function(struct buf *to, const char *name)
{
	_cleanup_(buf_deinit) struct buf brief = { 0 };

	if (brief_name(&brief, name) < 0)
		to->error = brief.error;
	else
		put_code(to, brief.len ? brief.data : "");
}

static void put_text(struct buf *to, const char *text)
{
	escape_add(to, ESCAPE_MARKDOWN, text, TEXT_RUNES);
}

/* " base | new | change | interval | p |" */
static void put_change(struct buf *to, const struct gate_change *c, const char *unit)
{
	char base[FORMAT_MAX], new[FORMAT_MAX], ratio[FORMAT_MAX], interval[FORMAT_MAX];
	char p[FORMAT_MAX] = "";

	format_value(base, c->base, unit);
	format_value(new, c->new, unit);
	format_ratio(ratio, c->ratio);
	format_interval(interval, c->low, c->high);
	if (!isnan(c->q))
		format_p(p, c->q);
	buf_printf(to, " ");
	put_text(to, base);
	buf_printf(to, " | ");
	put_text(to, new);
	buf_printf(to, " | %s | %s | %s |", ratio, interval, p);
}

static void add_summary(struct printer *p, const struct gate_metric *m)
{
	_cleanup_(buf_deinit) struct buf row = { 0 }, rusage = { 0 };

	buf_printf(&row, "| ");
	put_code(&row, m->name);
	buf_printf(&row, " | %s |", gate_outcome_name(m->outcome));
	put_change(&row, &m->total, m->unit);
	buf_printf(&row, "\n");
	add_piece(p, &row);
	if (isnan(m->rusage.p))
		return;
	buf_printf(&rusage, "| rusage | |");
	put_change(&rusage, &m->rusage, "seconds");
	buf_printf(&rusage, "\n");
	add_piece(p, &rusage);
}

static void add_row(struct printer *p, const struct gate_metric *m, const struct gate_row *r)
{
	_cleanup_(buf_deinit) struct buf row = { 0 };

	buf_printf(&row, r->culprit ? "| **" : "| ");
	put_function(&row, r->name);
	buf_printf(&row, r->culprit ? "** | " : " | ");
	buf_printf(&row, "%s%s", words_state(m, r->state),
		   row_with_callees(r) ? " with callees" : "");
	buf_printf(&row, " |");
	put_change(&row, row_change(r), m->unit);
	if (r->caller) {
		buf_printf(&row, " by ");
		put_function(&row, r->caller);
		buf_printf(&row, " (%.0f%%)", r->caller_part * 100);
	}
	if (r->through) {
		buf_printf(&row, " in ");
		put_function(&row, r->through);
	}
	buf_printf(&row, " |");
	if (*r->file) {
		_cleanup_(buf_deinit) struct buf place = { 0 };
		words_place(&place, r);
		buf_printf(&row, " ");
		put_code(&row, place.data ? place.data : "");
	}
	buf_printf(&row, " |\n");
	add_piece(p, &row);
}

static void add_row_heads(struct printer *p)
{
	add_line(p, "");
	add_line(
		p,
		"| function | verdict | base | new | change | 95% interval | p | where | source |");
	add_line(p, "|---|---|--:|--:|--:|---|--:|---|---|");
}

static void add_item(struct printer *p, const char *kind, const char *text)
{
	_cleanup_(buf_deinit) struct buf item = { 0 };

	buf_printf(&item, "- %s", kind);
	put_text(&item, text);
	buf_printf(&item, "\n");
	add_piece(p, &item);
}

static void add_said(struct printer *p, const struct buf *said)
{
	if (said->error)
		p->to->error = said->error;
	else if (said->len)
		add_item(p, "", said->data);
}

static void add_folded(struct printer *p, const struct gate_metric *m)
{
	_cleanup_(buf_deinit) struct buf rest = { 0 };

	for (size_t i = 0; i < m->folded.len && i < WORDS_FOLDED_SHOWN; i++) {
		_cleanup_(buf_deinit) struct buf folded = { 0 };
		words_folded(&folded, m, &m->folded.items[i]);
		add_said(p, &folded);
	}
	if (m->folded.len > WORDS_FOLDED_SHOWN)
		buf_printf(&rest, "%zu more are only on one side",
			   m->folded.len - WORDS_FOLDED_SHOWN);
	add_said(p, &rest);
}

static void add_items(struct printer *p, const struct gate_metric *m)
{
	_cleanup_(buf_deinit) struct buf runs = { 0 }, self = { 0 }, power = { 0 };
	bool inconclusive = m->outcome == GATE_INCONCLUSIVE;

	add_line(p, "");
	vec_for_each(reason, &m->reasons)
		if (reason_tells(m, reason))
			add_item(p, inconclusive ? "**inconclusive:** " : "note: ", reason->text);
	vec_for_each(note, &m->notes)
		add_item(p, "note: ", *note);
	words_runs(&runs, m);
	add_said(p, &runs);
	if (m->self.trials)
		words_self(&self, m);
	add_said(p, &self);
	if (m->power_rise > 0)
		words_power(&power, m);
	add_said(p, &power);
	add_folded(p, m);
}

static size_t telling_rows(const struct gate_metric *m)
{
	size_t count = 0;

	vec_for_each(row, &m->rows)
		count += row_tells(row);
	return count;
}

static void add_metric(struct printer *p, const struct gate_metric *m)
{
	_cleanup_(buf_deinit) struct buf head = { 0 };

	buf_printf(&head, "\n#### ");
	put_code(&head, m->name);
	buf_printf(&head, ": %s\n", gate_outcome_name(m->outcome));
	add_piece(p, &head);
	if (telling_rows(m))
		add_row_heads(p);
	vec_for_each(row, &m->rows)
		if (row_tells(row))
			add_row(p, m, row);
	add_items(p, m);
}

static void add_unchanged(struct printer *p, const struct gate_metric *m)
{
	_cleanup_(buf_deinit) struct buf head = { 0 };
	size_t count = m->rows.len - telling_rows(m);

	if (count == 0)
		return;
	buf_printf(&head, "\n<details><summary>%zu functions of ", count);
	escape_add(&head, ESCAPE_XML, m->name, NAME_RUNES);
	buf_printf(&head, " that did not change</summary>\n");
	size_t left_out = p->left_out;
	add_piece(p, &head);
	if (p->left_out > left_out)
		return;
	add_row_heads(p);
	vec_for_each(row, &m->rows)
		if (!row_tells(row))
			add_row(p, m, row);
	/* There is room for the end of what was begun. */
	buf_printf(p->to, "\n</details>\n");
}

static void add_machines(struct printer *p, const struct gate_verdict *v)
{
	_cleanup_(buf_deinit) struct buf said = { 0 };

	words_machines(&said, v);
	if (said.len || said.error)
		add_line(p, "");
	add_said(p, &said);
}

int gate_render_markdown(const struct gate_verdict *v, struct buf *to)
{
	struct printer p = { .to = to, .start = to->len };

	buf_printf(to, "### cprofbpf gate: %s\n\n", gate_outcome_name(v->outcome));
	add_line(&p, "| metric | verdict | base | new | change | 95% interval | p |");
	add_line(&p, "|---|---|--:|--:|--:|---|--:|");
	vec_for_each(m, &v->metrics)
		add_summary(&p, m);
	vec_for_each(m, &v->metrics)
		add_metric(&p, m);
	vec_for_each(m, &v->metrics)
		add_unchanged(&p, m);
	add_machines(&p, v);
	if (p.left_out)
		buf_printf(to, "\n%zu lines more did not fit into a comment\n", p.left_out);
	return buf_printf(to, "\n<sub>alpha %g, seed %" PRIu64 "%s</sub>\n", v->alpha, v->seed,
			  v->strict ? ", strict" : "");
}
