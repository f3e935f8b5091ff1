/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The verdict on two sets of runs.
 *
 * Values. Each metric has a total for each run, and for each judged function its own value and its
 * cumulative one, all per unit of work. Judged are the functions that have min_share of the total,
 * cumulative, on either side, and are on both: with a quarter of min_share at least.
 * Every sample belongs to the deepest judged function of its stack: that is the function's own
 * value, so that callees which are small, inlined, renamed, new or gone count as their callers',
 * and own values add up to the total.
 *
 * Runs set aside. Something else that the machine does may slow a run down by more than any change
 * would. A few runs whose totals are far from the others' are left out of all that follows
 * (stats/far.h): at most a fifth of all runs and half of a side's, none if there are more, none
 * where every event was counted. It is not known then which side a run is of, so permutation tests
 * of those that are left stay exact. Notes name them; if they are of one side, more than by chance
 * (p <= 0.05), nothing passes.
 *
 * Tests. Sides are compared by permutation tests of means (stats/permute.h): no distribution is
 * assumed, only that runs could have come in any other order. Two-sided p. A total is tested as it
 * is, and so are functions' own and cumulative values. But where totals vary by more than 2.5% from
 * one time to another, whichever side's they are, functions are tested as shares of their runs'
 * totals, which what slows a whole run down (a neighbour, the clock) leaves alone. Shares change by
 * what others do, too, so that p is at least the square of p by values then, and 1 if these went
 * the other way. Levels: alpha is divided
 * among the metrics (Bonferroni); a metric's total is tested at its level, then its functions
 * together, by Benjamini and Hochberg's procedure (stats/multiple.h) at the same level. A false
 * regression is half of each, so alpha at most, before floors, which make it rarer. Intervals are
 * 95%, of the ratio of means (stats/ratio.h).
 *
 * A total regressed if it is significant and its rise at least its floor. A function regressed if
 * it is significant and its rise past the relative and the absolute floor, unless the interval of
 * its caller's change (or, for an own value, of its cumulative one) excludes half that rise: then
 * time only moved within the caller. A cumulative rise of which regressed callees make up half is
 * theirs.
 *
 * A metric regressed if its total did, or if functions did and all functions that changed
 * significantly, summed up for each run, rose significantly and by the total's floor, and the
 * total's interval does not exclude that: samples spread over fewer functions vary less than their
 * total. Where they do not add up to a rise the metric "moved". Functions with a floor of their own
 * in the policy fail by themselves, and all functions do if the policy is strict: what others of
 * their caller lost then excuses nothing, but what they only took over from their callees does.
 *
 * Inconclusive, whatever the tests say: the smallest p that the runs can reach, 2/C(n+m,n), times
 * the number of tests exceeds the level; too few samples, unless all events were counted; a rise of
 * the total by the policy's resolution could have been missed (power below 90%); machines that
 * differ between or within the sides; a trend within a side (Mann and Kendall, stats/trend.h)
 * unless the sides' runs alternate; samples and rusage that disagree. How many runs would do is
 * said wherever it can be.
 *
 * The culprit is the function that regressed most. If that is by its callees, or if only the total
 * regressed, it is the suspect: the function whose own rise is most of that rise (of the total's a
 * third, and out of proportion), at p <= 0.05 by itself.
 *
 * With too few runs changes are still weighed, by overdispersed counts (stats/counts.h): they can
 * warn, never fail.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "gate/policy.h"
#include "gate/runs.h"

enum gate_outcome {
	GATE_PASS,
	GATE_IMPROVED, /* passes too: exit status 0 */
	GATE_MOVED,    /* functions changed, the total did not: passes unless strict */
	GATE_INCONCLUSIVE,
	GATE_REGRESSION,
};

/** "pass", "improved", "moved", "inconclusive", "regression". */
const char *gate_outcome_name(enum gate_outcome o);

/** 0, 1 for a regression, 3 for inconclusive. */
int gate_outcome_status(enum gate_outcome o);

/** A value on both sides. */
struct gate_change {
	double base, new; /* means over runs, in the metric's unit per unit of work */
	double ratio;     /* new / base; INFINITY if base is 0, 1 if both are */
	double low, high; /* 95% interval of the ratio; NAN: not known */
	double p;         /* two-sided; NAN: not tested */
	double q;         /* adjusted for the number of tests; NAN: not tested */
};

enum gate_state {
	GATE_SAME,
	GATE_REGRESSED,
	GATE_BETTER,
	GATE_ROW_MOVED, /* to or from its callees or its caller's other callees */
	GATE_CALLEES,   /* its cumulative change is that of callees that have rows of their own */
	GATE_SUSPECT, /* most of a regressed total's or caller's rise, not significant by itself */
	GATE_WARNING, /* by counts alone: too few runs to be sure */
	GATE_IGNORED, /* by the policy */
};

/** "same", "regressed", "improved", "moved", "callees", "suspect", "warning", "ignored". */
const char *gate_state_name(enum gate_state s);

struct gate_row {
	const char *name; /* normalised */
	const char *file; /* "": not known */
	int64_t line;     /* where it starts, or the first line seen; 0: not known */
	struct gate_change own, cum;
	bool by_cum; /* the state is cum's, else own's */
	enum gate_state state;
	bool culprit; /* one a metric: what regressed most, or the suspect */
	struct gate_floors floors;
	/* The judged caller that most of a change came by, and its part of it; NULL: none. */
	const char *caller;
	double caller_part;
	/* A new callee that most of an own value's rise is in, NULL: none. */
	const char *through;
};

/** A function that was not on both sides, and was counted as its caller's. */
struct gate_folded {
	const char *name;
	double base, new; /* cumulative, as in gate_change */
	const char *into; /* the judged caller that most of it went to, NULL: none */
};

enum gate_reason_kind {
	GATE_FEW_RUNS,
	GATE_FEW_RUNS_FUNCTIONS, /* for the total they do */
	GATE_FEW_SAMPLES,
	GATE_RESOLUTION,
	GATE_MACHINES,
	GATE_DRIFT,
	GATE_COVERAGE, /* samples and rusage disagree */
	GATE_FAR_RUNS, /* those set aside are of one side */
	GATE_STOPPED,  /* not all runs that were planned: gate_verdict_stop() */
};

/** "few_runs", "few_runs_functions", ...: the kinds without their prefix, in lower case. */
const char *gate_reason_name(enum gate_reason_kind k);

struct gate_reason {
	enum gate_reason_kind kind;
	const char *text; /* lowercase, no full stop, with the way out */
	size_t runs;      /* a side that would do; 0: runs are not what is missing */
};

/** What gate_selfcheck() found. */
struct gate_self {
	size_t trials; /* 0: not asked for */
	size_t false_alarms;
	double rate_high; /* upper end of the rate's one-sided 95% interval */
};

struct gate_metric {
	const char *name, *unit;
	double alpha; /* this metric's level */
	enum gate_outcome outcome;
	size_t base_runs, new_runs;
	size_t base_aside, new_aside;     /* of these, set aside */
	double base_samples, new_samples; /* sampled events, all runs of a side that are judged */
	struct gate_change total;
	enum gate_state total_state;
	struct gate_floors floors;
	struct gate_change moved;  /* functions that changed, summed; p is NAN if none did */
	struct gate_change rusage; /* seconds per unit of work; p is NAN if not known. cpu only */
	size_t tests;              /* of functions, for Benjamini and Hochberg */
	bool by_counts;            /* too few runs: p and q are those of counts */
	double visible;            /* smallest rise of the total seen with power 90%; NAN */
	vec_of(struct gate_row) rows; /* all judged, what matters first */
	vec_of(struct gate_folded) folded;
	vec_of(struct gate_reason) reasons; /* why inconclusive */
	vec_of(const char *) notes;         /* what does not change the verdict */
	struct gate_self self;
	double power_rise; /* the rise that gate_power() was asked about; 0: not asked */
	size_t power_runs; /* a side; 0: more than GATE_RUNS_MAX */
};

#define GATE_RUNS_MAX 1000

struct gate_machine {
	const char *cpu, *kernel, *host; /* "": not known */
	long cpus;                       /* 0: not known */
};

struct gate_verdict {
	enum gate_outcome outcome; /* the worst of the metrics' */
	double alpha;
	uint64_t seed;
	bool strict;
	struct gate_machine machines[2]; /* by side, of its first run */
	vec_of(struct gate_metric) metrics;
	struct gate_texts { /* what all names and texts point to */
		vec_of(char *) items;
		int error; /* sticky -ENOMEM while the verdict is made */
	} texts;
};

/**
 * Judge. Equal runs and policies give equal verdicts, whatever the order in which runs were added.
 * The caller owns *ret. -EINVAL: a side has no run of a metric that the policy names, or the sides
 * have no metric in common; -ENOMEM.
 */
int gate_judge(const struct gate_runs *runs, const struct gate_policy *policy,
	       struct gate_verdict **ret, struct err *e);
void gate_verdict_destroy(struct gate_verdict *v);

static inline void cleanup_gate_verdict(struct gate_verdict **v)
{
	gate_verdict_destroy(*v);
}
#define _cleanup_gate_verdict_ __attribute__((cleanup(cleanup_gate_verdict)))

/**
 * The runs were cut short, which was not planned: every metric becomes inconclusive, whatever it
 * was, because of `why` (copied). 0 or -ENOMEM.
 */
int gate_verdict_stop(struct gate_verdict *v, const char *why);

/** Add a note, which is copied, to every metric. 0 or -ENOMEM. */
int gate_verdict_note(struct gate_verdict *v, const char *text);

/**
 * The gate's own false alarm rate, here and now: take all runs for runs of one program (as --aa
 * makes them), draw both sides from them with replacement `trials` times, judge each, count the
 * regressions. Fills metric.self; the interval is Clopper and Pearson's (stats/proportion.h).
 */
int gate_selfcheck(const struct gate_runs *runs, const struct gate_policy *policy, size_t trials,
		   struct gate_verdict *v, struct err *e);

/**
 * How many runs a side would show a rise of the total by `rise` (0.05: 5%) with power 90%, if runs
 * vary as these do (stats/power.h). Fills metric.power_rise and .power_runs.
 */
int gate_power(const struct gate_runs *runs, const struct gate_policy *policy, double rise,
	       struct gate_verdict *v, struct err *e);
