/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * One metric of two sets of runs: which functions are judged, their values in each run, and the
 * tests. Private to this room.
 */
#pragma once

#include "gate/judge.h"
#include "gate/table.h"
#include "stats/prng.h"

/* The heaviest are judged if there are more. */
#define COMPARISON_FUNCTIONS_MAX 500

#define COMPARISON_NONE          UINT32_MAX

struct comparison {
	const struct table *table;
	const struct gate_policy *policy;
	const uint32_t *picks; /* runs, as numbers of table entries: those of the base first */
	size_t base_len, new_len, len;

	double *totals;  /* by run */
	double means[2]; /* of totals, by side */
	bool uneven;     /* they vary so much that functions are tested by their shares */

	/* By number of a judged function. */
	size_t count;
	uint32_t *names;   /* of the table */
	double *own, *cum; /* count rows of len values, by run */
	double *p, *q;     /* of own, then of cum: 2 count; NAN: not tested */
	size_t tests;
	struct gate_floors *floors;
	bool *own_floors; /* floors are a pattern's */
	bool *ignored;

	uint32_t *judged; /* by name of the table: number of the function, or COMPARISON_NONE */
	uint32_t *folded; /* by name: number of the folded function, or COMPARISON_NONE */
	vec_of(uint32_t) folded_names;
	double *weights; /* by name: its cumulative mean on the base side, then those of the new */

	double total_level, function_level; /* this metric's parts of alpha */
	struct gate_change total;
	struct gate_floors total_floors;
};

/**
 * Choose the functions and gather their values. `picks` lives as long as the comparison; a run may
 * be picked several times. `metrics` is how many share alpha. 0 or -ENOMEM; comparison_deinit()
 * it in any case.
 */
int comparison_init(struct comparison *c, const struct table *t, const struct gate_policy *policy,
		    size_t metrics, const uint32_t *picks, size_t base_len, size_t new_len,
		    struct err *e);
void comparison_deinit(struct comparison *c);

/** Test the total and all functions. 0 or -ENOMEM. */
int comparison_test(struct comparison *c, struct err *e);

/**
 * Test parts of the total, `values` of each run for each part: p[i] is that of a part's values. Of
 * uneven runs it is that of its shares of their totals, but at least the square of that of the
 * values, and 1 if these went the other way. `level` is what p will be compared to. 0 or -ENOMEM.
 */
int comparison_test_parts(const struct comparison *c, const double *values, size_t tests,
			  double level, struct prng *rng, double *p, struct err *e);

/** The run picked as number `run`, and its side. */
static inline const struct table_entry *comparison_entry(const struct comparison *c, size_t run)
{
	return &c->table->entries.items[c->picks[run]];
}

static inline enum gate_side comparison_side(const struct comparison *c, size_t run)
{
	return run < c->base_len ? GATE_BASE : GATE_NEW;
}

/**
 * The deepest judged function at or above each node of a run, COMPARISON_NONE where there is none.
 * The caller frees; NULL if out of memory.
 */
uint32_t *comparison_deepest(const struct comparison *c, const struct table_entry *entry);

/** The values of a function, by run. */
static inline const double *comparison_values(const struct comparison *c, size_t function, bool cum)
{
	return (cum ? c->cum : c->own) + function * c->len;
}

/** The change of a row of values: means, ratio, interval; p and q are NAN. */
struct gate_change comparison_change(const struct comparison *c, const double *values);

/**
 * Whether the interval of the change of `values`, at the level of the tests, leaves no room for a
 * change of its mean by `amount`, which may be negative.
 */
bool comparison_excludes(const struct comparison *c, const double *values, double amount);

/**
 * +1 if a tested change is a rise past its floors, -1 if such a fall, 0 else. `q` is what is
 * compared to `level`.
 */
int comparison_sign(const struct comparison *c, const struct gate_change *change, double q,
		    double level, double relative, double absolute);

/** The random numbers of a metric: equal for equal policies and metrics. */
void comparison_prng(const struct comparison *c, struct prng *rng);

/** Whether the runs can reach the level in that many tests. */
bool comparison_reaches(const struct comparison *c, size_t tests, double level);
