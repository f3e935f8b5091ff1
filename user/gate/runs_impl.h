/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What reducing leaves of a run. Private to this room. */
#pragma once

#include "base/buf.h"
#include "base/vec.h"
#include "gate/runs.h"

#define RUN_NONE UINT32_MAX

struct run_metric {
	char *name;
	char *unit;    /* "nanoseconds", "bytes", or what the profile says */
	double total;  /* sum of all samples, not divided by work */
	double events; /* how many sampled events that is */
	bool exact;    /* every event was counted */
};

struct run_function {
	size_t name, file; /* offsets in names */
	int64_t line;
};

/* A call of a function in a context; parents come before their children, the root is number 0. */
struct run_node {
	uint32_t parent, function; /* RUN_NONE of the root */
};

/* The samples whose deepest kept frame a node is. */
struct run_weight {
	double value;
	double variance; /* by counting alone: value^2 / events, summed over stacks */
	double subtree;  /* the value, and those of all nodes beneath */
};

/* Texts are "" and numbers 0 if not known. */
struct run_machine {
	char *cpu, *kernel, *host;
	long cpus;
};

struct gate_run {
	char *source;
	double work, cpu_seconds;
	int64_t order, duration_ns;
	bool whole;   /* from exec to exit: nobody chose its duration */
	double named; /* part of the first metric that is in a function with a name */
	struct run_machine machine;
	struct run_metric *metrics;
	size_t metric_count;
	struct buf names; /* NUL-terminated, one after the other */
	vec_of(struct run_function) functions;
	vec_of(struct run_node) nodes;
	struct run_weight *weights; /* nodes.len x metric_count */
	bool *outermost;            /* by node: no node above is of its function */
	double *cum;                /* cumulative values: functions.len x metric_count */
};

struct gate_runs {
	vec_of(struct gate_run *) sides[2];
};

/** Where a metric's values come from in a profile. */
struct run_source {
	size_t value;  /* which of a sample's values */
	size_t events; /* which value counts what happened, or SIZE_MAX */
	size_t bytes;  /* which tells how large that was, or SIZE_MAX */
	double scale;  /* to the metric's unit */
	double rate;   /* one sample for so many bytes or events; 0: for every event */
};

/**
 * Choose the metrics of a run, as gate_run_reduce() says; the caller frees *ret, a source for each,
 * also on failure.
 */
int run_choose_metrics(struct gate_run *run, const struct profile *p,
		       const struct gate_policy *policy, struct run_source **ret, struct err *e);

/** How many sampled events are behind a stack's values. */
double run_events(const struct run_source *s, const int64_t *values);

/** The number of a metric in a run, or run->metric_count. */
size_t run_metric_find(const struct gate_run *run, const char *name);

static inline const char *run_name(const struct gate_run *run, uint32_t function)
{
	return run->names.data + run->functions.items[function].name;
}

static inline const struct run_weight *run_weight(const struct gate_run *run, size_t node,
						  size_t metric)
{
	return &run->weights[node * run->metric_count + metric];
}

/**
 * As calloc(), for arrays that are added to all over: each page is written at once, instead of
 * being read as a shared page of zeros first and copied then. 0 elements: not NULL either.
 */
void *run_zeroed(size_t count, size_t size);

/**
 * Read the facts that our comments hold: the machine, and the kernel's count of CPU time unless
 * run->cpu_seconds is set. 0 or -ENOMEM.
 */
int run_read_comments(struct gate_run *run, const struct profile *p);
