// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/findings.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/*
 * A suspect's part of the total's rise, how much more than all others it rose, relative to itself,
 * and how unlikely its rise has to be.
 */
static const double suspect_part = 1.0 / 3, suspect_excess = 1.5, suspect_p = 0.05;

/*
 * What a sum has to share of a change within it, lest it was a move: of a caller's most, for its
 * other callees may have changed on their own; of the total all, up to rounding.
 */
static const double caller_share = 0.5, total_share = 0.99;

static double rise_of(const struct gate_change *change)
{
	return change->new - change->base;
}

static const struct gate_change *decisive(const struct finding *f)
{
	return f->by_cum ? &f->cum : &f->own;
}

static int sign_of(const struct finding *f)
{
	return f->own_sign ? f->own_sign : f->cum_sign;
}

static void read_tests(struct findings *f, const struct comparison *c)
{
	f->total = c->total;
	int sign =
		comparison_sign(c, &f->total, f->total.q, c->total_level, c->total_floors.total, 0);
	f->total_state = sign > 0 ? GATE_REGRESSED : sign < 0 ? GATE_BETTER : GATE_SAME;
	for (size_t i = 0; i < c->count; i++) {
		struct finding *found = &f->functions[i];
		const struct gate_floors *floors = &c->floors[i];
		found->own = comparison_change(c, comparison_values(c, i, false));
		found->cum = comparison_change(c, comparison_values(c, i, true));
		found->own.p = c->p[i];
		found->own.q = c->q[i];
		found->cum.p = c->p[c->count + i];
		found->cum.q = c->q[c->count + i];
		found->own_sign = comparison_sign(c, &found->own, found->own.q, c->function_level,
						  floors->relative, floors->absolute);
		found->cum_sign = comparison_sign(c, &found->cum, found->cum.q, c->function_level,
						  floors->relative, floors->absolute);
		found->by_cum = !found->own_sign && found->cum_sign;
		found->caller = found->through = COMPARISON_NONE;
		found->state = c->ignored[i]        ? GATE_IGNORED
			       : sign_of(found) > 0 ? GATE_REGRESSED
			       : sign_of(found) < 0 ? GATE_BETTER
						    : GATE_SAME;
	}
}

/* ---- Contexts ---- */

/* The caller by whom most of a change came, in the direction of the change. */
static void find_caller(struct finding *f, const struct context *x, size_t function)
{
	double direction = rise_of(decisive(f)) < 0 ? -1 : 1, all = 0, most = 0;

	for (uint32_t caller = 0; caller <= x->count; caller++) {
		double part = direction * context_rise(x, calls, x->count, caller, function);
		if (part <= 0)
			continue;
		all += part;
		if (part > most) {
			most = part;
			f->caller = caller;
		}
	}
	f->caller_part = all > 0 ? most / all : 0;
}

static void find_through(struct finding *f, const struct context *x, size_t function)
{
	double most = rise_of(&f->own) / 2;

	if (most <= 0)
		return;
	for (uint32_t folded = 0; folded < x->folded; folded++) {
		double part = context_rise(x, through, x->folded, function, folded);
		if (part >= most) {
			most = part;
			f->through = folded;
		}
	}
}

/* Whether a rise of this function is a regression though others fell by as much. */
static bool fails_alone(const struct comparison *c, size_t function)
{
	return c->policy->strict || c->own_floors[function];
}

/*
 * Whether the change of a function only came from elsewhere within it, or within its caller: there
 * the sum has not changed by most of that.
 */
static bool is_moved(const struct finding *f, const struct context *x, const struct comparison *c,
		     size_t function)
{
	double amount = rise_of(decisive(f));

	if (!f->by_cum &&
	    comparison_excludes(c, comparison_values(c, function, true), amount * caller_share))
		return true;
	if (f->caller == COMPARISON_NONE || fails_alone(c, function))
		return false;
	double by_caller = context_rise(x, calls, x->count, f->caller, function);
	if (fabs(by_caller) < fabs(amount))
		amount = by_caller;
	const double *caller =
		f->caller == c->count ? c->totals : comparison_values(c, f->caller, true);
	return comparison_excludes(c, caller, amount * caller_share);
}

/* Whether half of a cumulative change is that of one function, or of the own values of several. */
static bool is_of_callees(const struct findings *f, const struct context *x, size_t function)
{
	const struct finding *found = &f->functions[function];
	double half = rise_of(&found->cum) / 2, explained = 0;

	for (size_t g = 0; g < x->count; g++) {
		const struct finding *callee = &f->functions[g];
		double part;
		if (g == function || callee->state != found->state)
			continue;
		if (!callee->by_cum) {
			explained += context_rise(x, own_under, x->count, function, g);
			continue;
		}
		part = context_rise(x, cum_under, x->count, function, g);
		if (fabs(part) >= fabs(half) && part * half > 0)
			return true;
	}
	return fabs(explained) >= fabs(half) && explained * half > 0;
}

/* Those of a heavier caller are decided after those beneath: functions come heaviest first. */
static void read_contexts(struct findings *f, const struct context *x, const struct comparison *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct finding *found = &f->functions[i];
		find_caller(found, x, i);
		find_through(found, x, i);
		if (sign_of(found) && is_moved(found, x, c, i))
			found->state = GATE_ROW_MOVED;
	}
	for (size_t i = c->count; i-- > 0;) {
		struct finding *found = &f->functions[i];
		if (found->by_cum && found->state != GATE_ROW_MOVED && is_of_callees(f, x, i))
			found->state = GATE_CALLEES;
	}
}

/* ---- All that changed ---- */

/* Whether a function takes part in the sum of what changed, by its own or its cumulative value. */
static bool is_mover(const struct findings *f, const struct comparison *c, uint32_t function,
		     bool cum)
{
	const struct finding *found = &f->functions[function];

	if (cum)
		return found->by_cum &&
		       (found->state == GATE_REGRESSED || found->state == GATE_BETTER);
	return found->own.q <= c->function_level;
}

static int sum_movers(const struct findings *f, const struct comparison *c, double *sums)
{
	for (size_t run = 0; run < c->len; run++) {
		const struct table_entry *entry = comparison_entry(c, run);
		const struct run_node *nodes = entry->run->nodes.items;
		_cleanup_free_ uint32_t *deepest = comparison_deepest(c, entry);
		_cleanup_free_ bool *within = calloc(entry->run->nodes.len, sizeof(*within));
		if (!deepest || !within)
			return -ENOMEM;
		for (size_t i = 1; i < entry->run->nodes.len; i++) {
			within[i] = within[nodes[i].parent] || (deepest[i] != COMPARISON_NONE &&
								is_mover(f, c, deepest[i], true));
			if (within[i] ||
			    (deepest[i] != COMPARISON_NONE && is_mover(f, c, deepest[i], false)))
				sums[run] += table_self(entry, i);
		}
	}
	return 0;
}

static int test_movers(struct findings *f, const struct comparison *c, bool *up, bool *down,
		       struct err *e)
{
	_cleanup_free_ double *sums = calloc(c->len, sizeof(*sums));
	struct prng rng;

	if (!sums || sum_movers(f, c, sums) < 0)
		return err_set(e, -ENOMEM, "cannot judge %s", c->table->metric);
	f->moved = comparison_change(c, sums);
	comparison_prng(c, &rng);
	int rc = comparison_test_parts(c, sums, 1, c->function_level, &rng, &f->moved.p, e);
	if (rc < 0)
		return rc;
	f->moved.q = f->moved.p;
	double amount = rise_of(&f->moved);
	bool changed = f->moved.p <= c->function_level &&
		       fabs(amount) >= c->total_floors.total * c->means[GATE_BASE] &&
		       !comparison_excludes(c, c->totals, amount * total_share);
	*up = changed && amount > 0;
	*down = changed && amount < 0;
	return 0;
}

/* ---- The outcome ---- */

/* A change that the total does not share is a move. */
static void decide(struct findings *f, const struct comparison *c, bool up, bool down)
{
	bool regressed = f->total_state == GATE_REGRESSED;
	bool improved = f->total_state == GATE_BETTER || down, changed = false;

	for (size_t i = 0; i < c->count; i++) {
		bool risen = f->functions[i].state == GATE_REGRESSED;
		regressed |= risen && (up || fails_alone(c, i));
	}
	for (size_t i = 0; i < c->count; i++) {
		enum gate_state *state = &f->functions[i].state;
		if ((*state == GATE_REGRESSED && !regressed) ||
		    (*state == GATE_BETTER && !improved && !regressed))
			*state = GATE_ROW_MOVED;
		changed |= *state == GATE_ROW_MOVED;
	}
	f->outcome = regressed  ? GATE_REGRESSION
		     : improved ? GATE_IMPROVED
		     : changed  ? GATE_MOVED
				: GATE_PASS;
}

/* One that did not change significantly, but has most of a rise, and could well have risen. */
static bool is_suspect(const struct finding *f, double rise, double most)
{
	return f->state == GATE_SAME && f->own.p <= suspect_p && rise >= most;
}

/*
 * Whether a function rose by more, relative to itself, than all others together; multiplied out,
 * since there may be no others.
 */
static bool outdoes_others(const struct gate_change *own, const struct gate_change *total)
{
	double others = total->base - own->base;

	return rise_of(own) * others >=
	       suspect_excess * (rise_of(total) - rise_of(own)) * own->base;
}

/* Of the total's rise; not one that only rose as all others did. */
static uint32_t total_suspect(const struct findings *f, const struct comparison *c)
{
	double most = rise_of(&f->total) * suspect_part;
	uint32_t suspect = COMPARISON_NONE;

	for (uint32_t i = 0; i < c->count; i++) {
		const struct gate_change *own = &f->functions[i].own;
		if (outdoes_others(own, &f->total) &&
		    is_suspect(&f->functions[i], rise_of(own), most)) {
			most = rise_of(own);
			suspect = i;
		}
	}
	return suspect;
}

/* Of a function's cumulative rise. */
static uint32_t callee_suspect(const struct findings *f, const struct comparison *c,
			       uint32_t function)
{
	const struct context *x = &f->context;
	double most = rise_of(&f->functions[function].cum) / 2;
	uint32_t suspect = COMPARISON_NONE;

	for (uint32_t i = 0; i < c->count; i++) {
		double rise = context_rise(x, own_under, x->count, function, i);
		if (i != function && is_suspect(&f->functions[i], rise, most)) {
			most = rise;
			suspect = i;
		}
	}
	return suspect;
}

/* The function that regressed most or, without or beneath it, one that most of the rise is in. */
static void find_culprit(struct findings *f, const struct comparison *c)
{
	uint32_t suspect = COMPARISON_NONE;
	double most = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		const struct finding *found = &f->functions[i];
		double rise = rise_of(decisive(found));
		if (found->state == GATE_REGRESSED && rise > most) {
			most = rise;
			f->culprit = i;
		}
	}
	if (f->culprit == COMPARISON_NONE && f->total_state == GATE_REGRESSED)
		suspect = total_suspect(f, c);
	else if (f->culprit != COMPARISON_NONE && f->functions[f->culprit].by_cum)
		suspect = callee_suspect(f, c, f->culprit);
	if (suspect == COMPARISON_NONE)
		return;
	f->culprit = suspect;
	f->functions[suspect].state = GATE_SUSPECT;
}

static bool anything_changed(const struct findings *f, const struct comparison *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (sign_of(&f->functions[i]))
			return true;
	return false;
}

int findings_init(struct findings *f, const struct comparison *c, bool wanted, struct err *e)
{
	bool up = false, down = false;
	int rc = 0;

	*f = (struct findings){ .culprit = COMPARISON_NONE, .moved = { .p = NAN, .q = NAN } };
	f->functions = calloc(c->count + 1, sizeof(*f->functions));
	if (!f->functions)
		return err_set(e, -ENOMEM, "cannot judge %s", c->table->metric);
	read_tests(f, c);
	bool changed = anything_changed(f, c);
	if (changed || wanted) {
		rc = context_init(&f->context, c, e);
		if (rc == 0)
			read_contexts(f, &f->context, c);
	}
	if (rc == 0 && changed)
		rc = test_movers(f, c, &up, &down, e);
	if (rc < 0)
		return rc;
	decide(f, c, up, down);
	find_culprit(f, c);
	return 0;
}

void findings_deinit(struct findings *f)
{
	free(f->functions);
	context_deinit(&f->context);
}
