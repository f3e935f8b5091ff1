// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/comparison.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "stats/multiple.h"
#include "stats/permute.h"
#include "stats/ratio.h"

/*
 * A function is on one side only if it has less than this part of min_share on the other: what
 * reducing a run leaves out.
 */
static const double presence = 1.0 / 4;
/* Runs whose totals vary by more are uneven: functions are compared by their shares. */
static const double even_runs = 0.025;
/* Values that are equal up to this are one value, tested once. */
static const double same_part = 0.99;

static double side_len(const struct comparison *c, enum gate_side side)
{
	return (double)(side == GATE_BASE ? c->base_len : c->new_len);
}

static double mean_of(const double *values, size_t len)
{
	double sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += values[i];
	return sum / (double)len;
}

/* ---- Which functions ---- */

/* A function's share of the total of a side. */
static double share_of(const struct comparison *c, uint32_t name, enum gate_side side)
{
	if (c->means[side] == 0)
		return 0;
	return c->weights[side * table_name_count(c->table) + name] / c->means[side];
}

struct timed {
	const struct gate_run *run;
	double total;
};

static int compare_timed(const void *a, const void *b)
{
	const struct timed *x = a, *y = b;

	return (x->run->order > y->run->order) - (x->run->order < y->run->order);
}

/*
 * Whether totals vary by more than that from one time to another: the sums of every two runs that
 * follow each other do. Which side runs are of is no part of it, so that a choice by it leaves
 * permutation tests exact; and where the sides alternate, nor is what they differ by. Runs whose
 * order is not known are taken for even.
 */
static int find_uneven(struct comparison *c)
{
	_cleanup_free_ struct timed *runs = calloc(c->len, sizeof(*runs));
	double mean = 0, squares = 0;
	size_t pairs = c->len / 2;

	if (!runs)
		return -ENOMEM;
	for (size_t i = 0; i < c->len; i++)
		runs[i] = (struct timed){ comparison_entry(c, i)->run, c->totals[i] };
	qsort(runs, c->len, sizeof(*runs), compare_timed);
	for (size_t i = 0; i < c->len; i++) {
		bool equal = i > 0 && runs[i].run != runs[i - 1].run &&
			     compare_timed(&runs[i], &runs[i - 1]) == 0;
		if (equal || runs[i].run->order == 0)
			return 0;
	}
	for (size_t i = 0; i < pairs; i++)
		mean += (runs[2 * i].total + runs[2 * i + 1].total) / (double)pairs;
	for (size_t i = 0; i < pairs; i++) {
		double off = runs[2 * i].total + runs[2 * i + 1].total - mean;
		squares += off * off;
	}
	/* A sum of two varies, relative to itself, by a root of two less than one. */
	c->uneven = pairs > 1 && sqrt(2 * squares / (double)(pairs - 1)) > even_runs * mean;
	return 0;
}

static int weigh_names(struct comparison *c)
{
	size_t names = table_name_count(c->table);

	c->weights = calloc(2 * names, sizeof(*c->weights));
	c->totals = calloc(c->len, sizeof(*c->totals));
	if (!c->weights || !c->totals)
		return -ENOMEM;
	for (size_t i = 0; i < c->len; i++) {
		const struct table_entry *entry = comparison_entry(c, i);
		enum gate_side side = comparison_side(c, i);
		double n = side_len(c, side);
		c->totals[i] = entry->total;
		c->means[side] += entry->total / n;
		for (size_t f = 0; f < entry->run->functions.len; f++)
			c->weights[side * names + entry->names[f]] += table_cum(entry, f) / n;
	}
	return 0;
}

struct candidate {
	double share;
	uint32_t name;
};

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->share != y->share)
		return x->share < y->share ? 1 : -1;
	return (x->name > y->name) - (x->name < y->name);
}

/* Of at least min_share on a side, and on both: judged. On one only: folded. Heaviest first. */
static int choose(struct comparison *c)
{
	size_t names = table_name_count(c->table);
	_cleanup_free_ struct candidate *found = calloc(names, sizeof(*found));

	c->judged = malloc(names * sizeof(*c->judged));
	c->folded = malloc(names * sizeof(*c->folded));
	c->names = calloc(COMPARISON_FUNCTIONS_MAX, sizeof(*c->names));
	if (!found || !c->judged || !c->folded || !c->names)
		return -ENOMEM;
	size_t candidates = 0;
	for (uint32_t name = 0; name < names; name++) {
		double base = share_of(c, name, GATE_BASE), new = share_of(c, name, GATE_NEW);
		c->judged[name] = c->folded[name] = COMPARISON_NONE;
		if (name == 0 || fmax(base, new) < c->policy->min_share)
			continue;
		if (fmin(base, new) >= presence * c->policy->min_share) {
			found[candidates++] = (struct candidate){ base + new, name };
			continue;
		}
		c->folded[name] = (uint32_t)c->folded_names.len;
		if (vec_push(&c->folded_names, name) < 0)
			return -ENOMEM;
	}
	qsort(found, candidates, sizeof(*found), compare_candidates);
	for (size_t i = 0; i < candidates && i < COMPARISON_FUNCTIONS_MAX; i++) {
		c->names[i] = found[i].name;
		c->judged[found[i].name] = (uint32_t)i;
		c->count++;
	}
	return 0;
}

static int ask_policy(struct comparison *c)
{
	c->floors = calloc(c->count + 1, sizeof(*c->floors));
	c->own_floors = calloc(c->count + 1, sizeof(*c->own_floors));
	c->ignored = calloc(c->count + 1, sizeof(*c->ignored));
	if (!c->floors || !c->own_floors || !c->ignored)
		return -ENOMEM;
	c->total_floors = gate_policy_metric_floors(c->policy, c->table->metric);
	for (size_t i = 0; i < c->count; i++) {
		const char *name = table_name(c->table, c->names[i]);
		c->floors[i] = gate_policy_function_floors(c->policy, c->table->metric, name,
							   &c->own_floors[i]);
		c->ignored[i] = gate_policy_ignores(c->policy, name);
	}
	return 0;
}

/* ---- Their values ---- */

uint32_t *comparison_deepest(const struct comparison *c, const struct table_entry *entry)
{
	size_t nodes = entry->run->nodes.len;
	uint32_t *deepest = malloc(nodes * sizeof(*deepest));

	if (!deepest)
		return NULL;
	deepest[0] = COMPARISON_NONE;
	for (size_t i = 1; i < nodes; i++) {
		const struct run_node *n = &entry->run->nodes.items[i];
		uint32_t function = c->judged[entry->names[n->function]];
		deepest[i] = function == COMPARISON_NONE ? deepest[n->parent] : function;
	}
	return deepest;
}

/* Each sample is its deepest judged function's own. */
static int gather_run(struct comparison *c, size_t run)
{
	const struct table_entry *entry = comparison_entry(c, run);
	_cleanup_free_ uint32_t *deepest = comparison_deepest(c, entry);

	if (!deepest)
		return -ENOMEM;
	for (size_t i = 1; i < entry->run->nodes.len; i++)
		if (deepest[i] != COMPARISON_NONE)
			c->own[deepest[i] * c->len + run] += table_self(entry, i);
	for (size_t f = 0; f < entry->run->functions.len; f++) {
		uint32_t function = c->judged[entry->names[f]];
		if (function != COMPARISON_NONE)
			c->cum[function * c->len + run] = table_cum(entry, f);
	}
	return 0;
}

static int gather(struct comparison *c)
{
	c->own = calloc(c->count * c->len + 1, sizeof(*c->own));
	c->cum = calloc(c->count * c->len + 1, sizeof(*c->cum));
	if (!c->own || !c->cum)
		return -ENOMEM;
	int rc = 0;
	for (size_t i = 0; i < c->len && rc == 0; i++)
		rc = gather_run(c, i);
	return rc;
}

int comparison_init(struct comparison *c, const struct table *t, const struct gate_policy *policy,
		    size_t metrics, const uint32_t *picks, size_t base_len, size_t new_len,
		    struct err *e)
{
	*c = (struct comparison){
		.table = t,
		.policy = policy,
		.picks = picks,
		.base_len = base_len,
		.new_len = new_len,
		.len = base_len + new_len,
		.total_level = (policy->alpha - policy->alpha_spent) / (double)metrics,
		.function_level = policy->alpha / (double)metrics,
	};
	int rc = weigh_names(c);
	if (rc == 0)
		rc = find_uneven(c);
	if (rc == 0)
		rc = choose(c);
	if (rc == 0)
		rc = ask_policy(c);
	if (rc == 0)
		rc = gather(c);
	if (rc < 0)
		return err_set(e, rc, "cannot judge %s", t->metric);
	c->total = comparison_change(c, c->totals);
	return 0;
}

void comparison_deinit(struct comparison *c)
{
	free(c->totals);
	free(c->names);
	free(c->own);
	free(c->cum);
	free(c->p);
	free(c->q);
	free(c->floors);
	free(c->own_floors);
	free(c->ignored);
	free(c->judged);
	free(c->folded);
	vec_deinit(&c->folded_names);
	free(c->weights);
}

/* ---- Tests ---- */

struct gate_change comparison_change(const struct comparison *c, const double *values)
{
	const double *new = values + c->base_len;
	struct ratio r = ratio_estimate(values, c->base_len, new, c->new_len, 0.95);

	return (struct gate_change){
		.base = mean_of(values, c->base_len),
		.new = mean_of(new, c->new_len),
		.ratio = r.ratio,
		.low = r.low,
		.high = r.high,
		.p = NAN,
		.q = NAN,
	};
}

bool comparison_excludes(const struct comparison *c, const double *values, double amount)
{
	double base = mean_of(values, c->base_len);
	struct ratio r = ratio_estimate(values, c->base_len, values + c->base_len, c->new_len,
					1 - c->function_level);

	/* Comparisons with NAN, where there is no interval, are false. */
	if (amount > 0)
		return (r.high - 1) * base < amount;
	return (r.low - 1) * base > amount;
}

int comparison_sign(const struct comparison *c, const struct gate_change *change, double q,
		    double level, double relative, double absolute)
{
	double amount = change->new - change->base;

	if (isnan(q) || q > level || fabs(amount) < absolute * c->means[GATE_BASE] ||
	    fabs(change->ratio - 1) < relative)
		return 0;
	return (amount > 0) - (amount < 0);
}

void comparison_prng(const struct comparison *c, struct prng *rng)
{
	const char *metric = c->table->metric;

	prng_init(rng, c->policy->seed ^ hash_bytes(metric, strlen(metric)));
}

bool comparison_reaches(const struct comparison *c, size_t tests, double level)
{
	double p = permute_smallest_p(c->base_len, c->new_len) * (double)tests;

	/* 2 / C(n+m, n) is no round number: a level that was computed from it is met. */
	return p <= level * (1 + 1e-12);
}

/* What is tested of a function: its own value, and its cumulative one if that is another. */
static bool is_tested(const struct comparison *c, size_t function, bool cum,
		      const double *heaviest_callee)
{
	const double *values = comparison_values(c, function, cum);
	double base = mean_of(values, c->base_len);
	double new = mean_of(values + c->base_len, c->new_len);
	double least = c->policy->min_share;

	if (c->ignored[function] ||
	    fmax(base / c->means[GATE_BASE], new / c->means[GATE_NEW]) < least)
		return false;
	if (!cum)
		return true;
	const double *own = comparison_values(c, function, false);
	double all = base + new;
	double rest = all - mean_of(own, c->base_len) - mean_of(own + c->base_len, c->new_len);
	return rest > (1 - same_part) * all &&
	       all < same_part * (c->means[GATE_BASE] + c->means[GATE_NEW]) &&
	       heaviest_callee[function] < same_part * all;
}

/* What each function's heaviest judged callee weighs under it, both sides added. */
static int weigh_callees(const struct comparison *c, double *heaviest)
{
	_cleanup_free_ double *calls = calloc(c->count * c->count + 1, sizeof(*calls));
	if (!calls)
		return -ENOMEM;
	for (size_t run = 0; run < c->len; run++) {
		const struct table_entry *entry = comparison_entry(c, run);
		const struct run_node *nodes = entry->run->nodes.items;
		double n = side_len(c, comparison_side(c, run));
		for (size_t i = 1; i < entry->run->nodes.len; i++) {
			uint32_t callee = c->judged[entry->names[nodes[i].function]];
			uint32_t up = nodes[i].parent, caller = COMPARISON_NONE;
			if (callee == COMPARISON_NONE || !entry->run->outermost[i])
				continue;
			for (; up != 0 && caller == COMPARISON_NONE; up = nodes[up].parent)
				caller = c->judged[entry->names[nodes[up].function]];
			if (caller != COMPARISON_NONE)
				calls[caller * c->count + callee] += table_subtree(entry, i) / n;
		}
	}
	for (size_t f = 0; f < c->count; f++)
		for (size_t g = 0; g < c->count; g++)
			heaviest[f] = fmax(heaviest[f], calls[f * c->count + g]);
	return 0;
}

/* Whether two values of each run rose, or fell, both. */
static bool same_direction(const struct comparison *c, const double *x, const double *y)
{
	double of_x = mean_of(x + c->base_len, c->new_len) - mean_of(x, c->base_len);
	double of_y = mean_of(y + c->base_len, c->new_len) - mean_of(y, c->base_len);

	return of_x * of_y > 0;
}

/*
 * p by shares of the total. What others do changes shares too, so that the values have to agree, if
 * with less certainty.
 */
static int test_shares(const struct comparison *c, const double *values, size_t tests, double level,
		       struct prng *rng, double *p, struct err *e)
{
	_cleanup_free_ double *shares = calloc(tests * c->len + 1, sizeof(*shares));
	_cleanup_free_ double *found = calloc(tests + 1, sizeof(*found));

	if (!shares || !found)
		return err_set(e, -ENOMEM, "cannot judge %s", c->table->metric);
	for (size_t i = 0; i < tests * c->len; i++) {
		double total = c->totals[i % c->len];
		shares[i] = total > 0 ? values[i] / total : 0;
	}
	int rc = permute_tests(shares, tests, c->base_len, c->new_len, level, rng, found, e);
	for (size_t i = 0; i < tests; i++) {
		bool agree = same_direction(c, values + i * c->len, shares + i * c->len);
		p[i] = agree ? fmax(p[i] * p[i], found[i]) : 1;
	}
	return rc;
}

int comparison_test_parts(const struct comparison *c, const double *values, size_t tests,
			  double level, struct prng *rng, double *p, struct err *e)
{
	int rc = permute_tests(values, tests, c->base_len, c->new_len, level, rng, p, e);

	return rc < 0 || !c->uneven ? rc : test_shares(c, values, tests, level, rng, p, e);
}

static int test_functions(struct comparison *c, struct prng *rng, struct err *e)
{
	size_t rows = 2 * c->count;
	_cleanup_free_ double *heaviest = calloc(c->count + 1, sizeof(*heaviest));
	_cleanup_free_ double *values = calloc(rows * c->len + 1, sizeof(*values));
	_cleanup_free_ double *found = calloc(rows + 1, sizeof(*found));

	if (!heaviest || !values || !found || weigh_callees(c, heaviest) < 0)
		return err_set(e, -ENOMEM, "cannot judge %s", c->table->metric);
	for (size_t row = 0; row < rows; row++) {
		size_t function = row % c->count;
		bool cum = row >= c->count;
		c->p[row] = c->q[row] = NAN;
		if (!is_tested(c, function, cum, heaviest))
			continue;
		memcpy(values + c->tests++ * c->len, comparison_values(c, function, cum),
		       c->len * sizeof(*values));
		c->p[row] = 1;
	}
	if (c->tests == 0)
		return 0;
	int rc = comparison_test_parts(c, values, c->tests, c->function_level / (double)c->tests,
				       rng, found, e);
	if (rc < 0)
		return rc;
	for (size_t row = 0, test = 0; row < rows; row++)
		if (!isnan(c->p[row]))
			c->p[row] = found[test++];
	if (multiple_adjust(c->p, c->q, rows) < 0)
		return err_set(e, -ENOMEM, "cannot judge %s", c->table->metric);
	return 0;
}

int comparison_test(struct comparison *c, struct err *e)
{
	struct prng rng;

	c->p = calloc(2 * c->count + 1, sizeof(*c->p));
	c->q = calloc(2 * c->count + 1, sizeof(*c->q));
	if (!c->p || !c->q)
		return err_set(e, -ENOMEM, "cannot judge %s", c->table->metric);
	comparison_prng(c, &rng);
	int rc = permute_tests(c->totals, 1, c->base_len, c->new_len, c->total_level, &rng,
			       &c->total.p, e);
	c->total.q = c->total.p;
	return rc < 0 ? rc : test_functions(c, &rng, e);
}
