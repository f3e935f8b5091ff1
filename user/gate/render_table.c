// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "gate/brief.h"
#include "gate/escape.h"
#include "gate/format.h"
#include "gate/render.h"
#include "gate/words.h"

static const char bold[] = "1", red[] = "31", green[] = "32", yellow[] = "33", none[] = "";

/* The columns before names: two values, the change, its interval, p and what that means. */
static const char heads[] =
	"    base        new   change  95% interval                p  verdict       function";
enum { VERDICT = 12, BEFORE_NAMES = 75, NAME_MIN = 30 };

struct printer {
	const struct gate_table_options *o;
	struct buf *to;
};

static void print_coloured(const struct printer *p, const char *colour, const char *text)
{
	if (p->o->colour && *colour)
		buf_printf(p->to, "\033[%sm%s\033[0m", colour, text);
	else
		buf_printf(p->to, "%s", text);
}

static const char *state_colour(enum gate_state s)
{
	static const char *const colours[] = {
		[GATE_SAME] = none,        [GATE_REGRESSED] = red, [GATE_BETTER] = green,
		[GATE_ROW_MOVED] = yellow, [GATE_CALLEES] = none,  [GATE_SUSPECT] = yellow,
		[GATE_WARNING] = yellow,   [GATE_IGNORED] = none,
	};
	return colours[s];
}

static const char *outcome_colour(enum gate_outcome o)
{
	static const char *const colours[] = {
		[GATE_PASS] = green,          [GATE_IMPROVED] = green, [GATE_MOVED] = yellow,
		[GATE_INCONCLUSIVE] = yellow, [GATE_REGRESSION] = red,
	};
	return colours[o];
}

/* Right-aligned by characters: a unit may be "µs". */
static void print_right(const struct printer *p, const char *text, int width)
{
	_cleanup_(buf_deinit) struct buf safe = { 0 };
	int runes = 0;

	if (escape_add(&safe, ESCAPE_TERMINAL, text, 0) < 0) {
		p->to->error = safe.error;
		return;
	}
	for (size_t i = 0; i < safe.len; i++)
		runes += ((unsigned char)safe.data[i] & 0xc0) != 0x80;
	buf_printf(p->to, "%*s%s", runes < width ? width - runes : 0, "",
		   safe.len ? safe.data : "");
}

static void print_change(const struct printer *p, const struct gate_change *c, const char *unit)
{
	char base[FORMAT_MAX], new[FORMAT_MAX], ratio[FORMAT_MAX], interval[FORMAT_MAX];
	char tested[FORMAT_MAX] = "";

	format_value(base, c->base, unit);
	format_value(new, c->new, unit);
	format_ratio(ratio, c->ratio);
	format_interval(interval, c->low, c->high);
	if (!isnan(c->q))
		format_p(tested, c->q);
	print_right(p, base, 10);
	buf_printf(p->to, " ");
	print_right(p, new, 10);
	buf_printf(p->to, " %8s  %-19s %9s  ", ratio, interval, tested);
}

/* A name, and what goes with it, cut to the terminal's width. */
static void print_name(const struct printer *p, const char *text)
{
	int left = p->o->width - BEFORE_NAMES;
	size_t most = p->o->width <= 0 ? 0 : (size_t)(left > NAME_MIN ? left : NAME_MIN);

	escape_add(p->to, ESCAPE_TERMINAL, text, most);
	buf_printf(p->to, "\n");
}

static void print_line(const struct printer *p, const char *before, const char *text)
{
	buf_printf(p->to, "  %s", before);
	escape_add(p->to, ESCAPE_TERMINAL, text, 0);
	buf_printf(p->to, "\n");
}

static void print_verdict(const struct printer *p, const struct gate_metric *m, enum gate_state s)
{
	const char *text = words_state(m, s);

	print_coloured(p, state_colour(s), text);
	buf_printf(p->to, "%*s  ", VERDICT - (int)strlen(text), "");
}

static void print_row(const struct printer *p, const struct gate_metric *m,
		      const struct gate_row *r)
{
	_cleanup_(buf_deinit) struct buf name = { 0 };

	brief_name(&name, r->name);
	if (r->by_cum && row_tells(r))
		buf_printf(&name, " and callees");
	if (*r->file) {
		buf_printf(&name, " (");
		words_place(&name, r);
		buf_printf(&name, ")");
	}
	if (r->caller || r->through)
		buf_printf(&name, ", ");
	if (words_cause(&name, r) < 0)
		p->to->error = name.error;
	print_change(p, row_change(r), m->unit);
	print_verdict(p, m, r->state);
	print_name(p, name.data ? name.data : "");
}

static void print_rows(const struct printer *p, const struct gate_metric *m)
{
	buf_printf(p->to, "  ");
	print_coloured(p, bold, heads);
	buf_printf(p->to, "\n");
	print_change(p, &m->total, m->unit);
	print_verdict(p, m, m->total_state);
	print_name(p, "total");
	if (!isnan(m->rusage.p)) {
		print_change(p, &m->rusage, "seconds");
		buf_printf(p->to, "%*s  CPU time of the process (rusage)\n", VERDICT, "");
	}
	size_t told = 0;
	vec_for_each(row, &m->rows) {
		told += row_tells(row);
		if (p->o->all || (row_tells(row) && told <= WORDS_ROWS_SHOWN))
			print_row(p, m, row);
	}
	if (!p->o->all && told > WORDS_ROWS_SHOWN)
		buf_printf(p->to, "  %zu functions more changed: --all lists them\n",
			   told - WORDS_ROWS_SHOWN);
	if (!isnan(m->moved.p)) {
		print_change(p, &m->moved, m->unit);
		buf_printf(p->to, "%*s  all that changed, summed up\n", VERDICT, "");
	}
}

static void print_folded(const struct printer *p, const struct gate_metric *m)
{
	size_t shown = m->folded.len;

	if (!p->o->all && shown > WORDS_FOLDED_SHOWN)
		shown = WORDS_FOLDED_SHOWN;

	for (size_t i = 0; i < shown; i++) {
		_cleanup_(buf_deinit) struct buf text = { 0 };
		if (words_folded(&text, m, &m->folded.items[i]) < 0)
			p->to->error = text.error;
		else
			print_line(p, "", text.data);
	}
	if (shown < m->folded.len)
		buf_printf(p->to, "  %zu more are only on one side\n", m->folded.len - shown);
}

static void print_asked(const struct printer *p, const struct gate_metric *m)
{
	_cleanup_(buf_deinit) struct buf self = { 0 }, power = { 0 };

	if (m->self.trials && words_self(&self, m) == 0)
		print_line(p, "", self.data);
	if (m->power_rise > 0 && words_power(&power, m) == 0)
		print_line(p, "", power.data);
	if (self.error || power.error)
		p->to->error = -ENOMEM;
}

static void print_metric(const struct printer *p, const struct gate_metric *m)
{
	_cleanup_(buf_deinit) struct buf runs = { 0 };

	escape_add(p->to, ESCAPE_TERMINAL, m->name, 0);
	buf_printf(p->to, ": ");
	print_coloured(p, outcome_colour(m->outcome), gate_outcome_name(m->outcome));
	buf_printf(p->to, "\n");
	print_rows(p, m);
	if (words_runs(&runs, m) < 0)
		p->to->error = runs.error;
	else
		print_line(p, "", runs.data);
	print_folded(p, m);
	print_asked(p, m);
	bool inconclusive = m->outcome == GATE_INCONCLUSIVE;
	vec_for_each(reason, &m->reasons)
		if (reason_tells(m, reason))
			print_line(p, inconclusive ? "inconclusive: " : "note: ", reason->text);
	vec_for_each(note, &m->notes)
		print_line(p, "note: ", *note);
	buf_printf(p->to, "\n");
}

static void print_machines(const struct printer *p, const struct gate_verdict *v)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };

	if (words_machines(&text, v) < 0)
		p->to->error = text.error;
	if (text.len) {
		escape_add(p->to, ESCAPE_TERMINAL, text.data, 0);
		buf_printf(p->to, "\n");
	}
}

int gate_render_table(const struct gate_verdict *v, const struct gate_table_options *o,
		      struct buf *to)
{
	struct printer p = { .o = o, .to = to };

	vec_for_each(m, &v->metrics)
		print_metric(&p, m);
	print_machines(&p, v);
	print_coloured(&p, bold, "verdict: ");
	print_coloured(&p, outcome_colour(v->outcome), gate_outcome_name(v->outcome));
	return buf_printf(to, " (alpha %g, seed %" PRIu64 "%s)\n", v->alpha, v->seed,
			  v->strict ? ", strict" : "");
}
