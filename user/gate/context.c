// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/context.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* A run while its nodes are gone through. */
struct visit {
	const struct comparison *c;
	const struct table_entry *entry;
	struct context_side *side;
	double part;      /* of a run in the mean of its side */
	uint32_t *judged; /* by node: the nearest judged node, itself included; 0: the root */
	uint32_t *stamps; /* by function: the last node that went up past it, + 1 */
	size_t columns;   /* judged functions */
	size_t folded;
};

static uint32_t function_of(const struct visit *v, uint32_t node)
{
	if (node == 0)
		return (uint32_t)v->columns;
	return v->c->judged[v->entry->names[v->entry->run->nodes.items[node].function]];
}

static uint32_t folded_of(const struct visit *v, uint32_t node)
{
	return v->c->folded[v->entry->names[v->entry->run->nodes.items[node].function]];
}

static uint32_t parent_of(const struct visit *v, uint32_t node)
{
	return v->entry->run->nodes.items[node].parent;
}

/* Add to each judged function above a judged node, once: [above][function]. */
static void add_above(struct visit *v, uint32_t node, uint32_t stamp, double *table, double value)
{
	uint32_t function = function_of(v, node);

	v->stamps[function] = stamp;
	for (uint32_t up = node; up != 0;) {
		up = v->judged[parent_of(v, up)];
		uint32_t above = function_of(v, up);
		if (v->stamps[above] == stamp)
			continue;
		v->stamps[above] = stamp;
		table[above * v->columns + function] += value;
	}
}

/* The own value of a judged function: beneath whom, and through which folded callee. */
static void add_own(struct visit *v, uint32_t node)
{
	double value = table_self(v->entry, node) * v->part;
	uint32_t owner = v->judged[node], folded = COMPARISON_NONE;

	if (value == 0 || owner == 0)
		return;
	add_above(v, owner, 2 * node + 1, v->side->own_under, value);
	for (uint32_t up = node; up != owner; up = parent_of(v, up))
		if (folded_of(v, up) != COMPARISON_NONE)
			folded = folded_of(v, up);
	if (folded != COMPARISON_NONE)
		v->side->through[function_of(v, owner) * v->folded + folded] += value;
}

static void add_calls(struct visit *v, uint32_t node)
{
	double value = table_subtree(v->entry, node) * v->part;
	uint32_t caller = function_of(v, v->judged[parent_of(v, node)]);

	if (value == 0 || !v->entry->run->outermost[node])
		return;
	if (v->judged[node] == node) {
		v->side->calls[caller * v->columns + function_of(v, node)] += value;
		add_above(v, node, 2 * node + 2, v->side->cum_under, value);
	} else if (folded_of(v, node) != COMPARISON_NONE) {
		v->side->into[caller * v->folded + folded_of(v, node)] += value;
	}
}

static int visit_run(struct context *x, const struct comparison *c, size_t run)
{
	const struct table_entry *entry = comparison_entry(c, run);
	enum gate_side side = comparison_side(c, run);
	size_t nodes = entry->run->nodes.len;
	_cleanup_free_ uint32_t *judged = calloc(nodes, sizeof(*judged));
	_cleanup_free_ uint32_t *stamps = calloc(c->count + 1, sizeof(*stamps));
	struct visit v = {
		.c = c,
		.entry = entry,
		.side = &x->sides[side],
		.part = 1 / (double)(side == GATE_BASE ? c->base_len : c->new_len),
		.judged = judged,
		.stamps = stamps,
		.columns = c->count,
		.folded = x->folded,
	};

	if (!judged || !stamps)
		return -ENOMEM;
	for (uint32_t i = 1; i < nodes; i++)
		judged[i] = function_of(&v, i) == COMPARISON_NONE ? judged[parent_of(&v, i)] : i;
	for (uint32_t i = 1; i < nodes; i++) {
		add_own(&v, i);
		add_calls(&v, i);
	}
	return 0;
}

int context_init(struct context *x, const struct comparison *c, struct err *e)
{
	size_t rows = c->count + 1, square = rows * c->count + 1;

	*x = (struct context){ .count = c->count, .folded = c->folded_names.len };
	for (int i = GATE_BASE; i <= GATE_NEW; i++) {
		struct context_side *s = &x->sides[i];
		s->calls = calloc(square, sizeof(double));
		s->own_under = calloc(square, sizeof(double));
		s->cum_under = calloc(square, sizeof(double));
		s->through = calloc(rows * x->folded + 1, sizeof(double));
		s->into = calloc(rows * x->folded + 1, sizeof(double));
		if (!s->calls || !s->own_under || !s->cum_under || !s->through || !s->into)
			return err_set(e, -ENOMEM, "cannot judge %s", c->table->metric);
	}
	for (size_t run = 0; run < c->len; run++)
		if (visit_run(x, c, run) < 0)
			return err_set(e, -ENOMEM, "cannot judge %s", c->table->metric);
	return 0;
}

void context_deinit(struct context *x)
{
	for (int i = GATE_BASE; i <= GATE_NEW; i++) {
		free(x->sides[i].calls);
		free(x->sides[i].own_under);
		free(x->sides[i].cum_under);
		free(x->sides[i].through);
		free(x->sides[i].into);
	}
}
