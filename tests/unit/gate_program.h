/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Profiles of programs that exist as tables only: runs that vary, seeded. */
#pragma once

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "gate/judge.h"
#include "profile/build.h"
#include "stats/prng.h"

/* A stack, root first ("main;work;leaf"), and what it weighs beside the others. */
struct program_stack {
	const char *stack;
	double weight;
};

struct program {
	struct program_stack stacks[64]; /* those with a weight */
	double samples;     /* a run, for weights that add up to 100; 0: 4,000, 2 s at 1,999 Hz */
	double run_noise;   /* how runs vary as a whole: standard deviation of the logarithm */
	double stack_noise; /* how each stack does */
	bool exact; /* weights are counted, not sampled: values are weight * samples / 100 */
	const char *type, *unit; /* NULL: cpu, nanoseconds */
	const char *comments[4];
	int64_t duration_ns;
};

/* Runs that take turns on an idle machine: none varies by more than a percent. */
#define PROGRAM_NOISE .run_noise = 0.005, .stack_noise = 0.005

/* A fifth of its time is in lex. */
static const struct program program_deep = { { { "main;run;parse;lex", 20 },
					       { "main;run;parse", 10 },
					       { "main;run;eval", 30 },
					       { "main;run;eval;malloc", 8 },
					       { "main;run;print;malloc", 7 },
					       { "main;run;print", 15 },
					       { "main;init", 10 } },
					     PROGRAM_NOISE };

static const struct program program_flat = {
	{ { "main;parse", 30 }, { "main;eval", 40 }, { "main;print", 30 } }, PROGRAM_NOISE
};

/* parse takes a fifth longer. */
static const struct program program_slower = {
	{ { "main;parse", 36 }, { "main;eval", 40 }, { "main;print", 30 } }, PROGRAM_NOISE
};

/*
 * A program with other weights of some stacks: of those it has, 0 takes one away, and of new ones.
 */
static inline struct program program_changed(const struct program *from,
					     const struct program_stack *changes)
{
	struct program to = *from;

	for (; changes->stack; changes++) {
		size_t i = 0;
		while (to.stacks[i].stack && strcmp(to.stacks[i].stack, changes->stack) != 0)
			i++;
		if (changes->weight > 0)
			to.stacks[i] = *changes;
		else
			memmove(&to.stacks[i], &to.stacks[i + 1],
				(ARRAY_SIZE(to.stacks) - i - 1) * sizeof(to.stacks[i]));
	}
	return to;
}

static uint32_t program_location(struct profile *p, const char *name, size_t len)
{
	char file[64];
	struct profile_function f = { .name = profile_intern(p, name, len) };
	uint64_t address = hash_bytes(name, len);

	snprintf(file, sizeof(file), "src/%.*s.cc", (int)strcspn(name, "(:<;."), name);
	f.system_name = profile_intern(p, name, len);
	f.filename = profile_intern_cstr(p, file);
	f.start_line = 10 + (int64_t)(address % 90);
	struct profile_line line = { .function = profile_add_function(p, &f), .line = 99 };
	uint32_t location = profile_add_location(p, PROFILE_NONE, address);
	profile_location_set_lines(p, location, &line, 1);
	return location;
}

static void program_add_stack(struct profile *p, const char *stack, int64_t count, int64_t value)
{
	uint32_t locations[64], reversed[64];
	size_t depth = 0;

	for (const char *name = stack; *name;) {
		size_t len = strcspn(name, ";");
		reversed[depth++] = program_location(p, name, len);
		name += len + (name[len] == ';');
	}
	for (size_t i = 0; i < depth; i++)
		locations[i] = reversed[depth - 1 - i];
	profile_add_sample(p, locations, depth, (int64_t[]){ count, value }, NULL, 0);
}

/* The type of the values that count what a type's values measure. */
static const char *program_events(const char *type)
{
	if (!type)
		return "samples";
	return strcmp(type, "delay") == 0 ? "contentions" : "alloc_objects";
}

/* One run. `time` is when it started, in seconds. */
static struct profile *program_run(const struct program *program, int64_t time, struct prng *rng)
{
	enum { PERIOD = 500250 };
	struct profile *p = profile_create();
	double whole = exp(program->run_noise * prng_normal(rng)), all = 0;
	double weights[64];
	size_t count = 0, hits[64] = { 0 };

	profile_add_sample_type(p, program_events(program->type), "count");
	profile_add_sample_type(p, program->type ? program->type : "cpu",
				program->type ? program->unit : "nanoseconds");
	if (!program->type)
		profile_set_period(p, "cpu", "nanoseconds", PERIOD);
	if (program->type && program->exact)
		profile_set_period(p, "space", "bytes", 1);
	p->time_nanos = time * 1000000000;
	p->duration_nanos = program->duration_ns;
	for (size_t i = 0; i < ARRAY_SIZE(program->comments) && program->comments[i]; i++)
		profile_add_comment(p, program->comments[i]);
	for (; count < 64 && program->stacks[count].stack; count++) {
		weights[count] = program->stacks[count].weight * whole *
				 exp(program->stack_noise * prng_normal(rng));
		all += weights[count];
	}
	double samples = program->samples ? program->samples : 4000;
	long draws = program->exact ? 0 : lround(all / 100 * samples);
	for (long i = 0; i < draws; i++) {
		double at = prng_unit(rng) * all;
		size_t k = 0;
		while (k + 1 < count && at >= weights[k])
			at -= weights[k++];
		hits[k]++;
	}
	for (size_t i = 0; i < count; i++) {
		if (program->exact)
			hits[i] = (size_t)lround(weights[i] * samples / 100);
		if (hits[i])
			program_add_stack(p, program->stacks[i].stack, (int64_t)hits[i],
					  (int64_t)hits[i] * (program->type ? 1 : PERIOD));
	}
	return p;
}

/* Add a run that started at `time` to a side. */
static inline void program_add(struct gate_runs *runs, enum gate_side side,
			       const struct program *program, int64_t time,
			       const struct gate_facts *facts, const struct gate_policy *policy,
			       struct prng *rng)
{
	_cleanup_profile_ struct profile *p = program_run(program, time, rng);
	struct gate_run *run;
	struct err e = { 0 };

	if (gate_run_reduce(p, facts, policy, &run, &e) < 0 ||
	    gate_runs_add(runs, side, run, &e) < 0)
		fail_msg("%s", e.msg);
}

/* Runs of both sides, which took turns. */
static inline struct gate_runs *program_runs(const struct program *base, size_t base_runs,
					     const struct program *new, size_t new_runs,
					     uint64_t seed, const struct gate_policy *policy)
{
	struct gate_runs *runs = gate_runs_create();
	struct prng rng;

	prng_init(&rng, seed);
	for (size_t i = 0; i < base_runs || i < new_runs; i++) {
		for (int side = GATE_BASE; side <= GATE_NEW; side++) {
			char source[32];
			struct gate_facts facts = { .source = source };
			if (i >= (side == GATE_BASE ? base_runs : new_runs))
				continue;
			snprintf(source, sizeof(source), "%s/%zu.pb.gz",
				 side == GATE_BASE ? "base" : "new", i);
			program_add(runs, side, side == GATE_BASE ? base : new,
				    1000 + 10 * (int64_t)i + side, &facts, policy, &rng);
		}
	}
	return runs;
}

static inline struct gate_verdict *program_judge_runs(const struct gate_runs *runs,
						      const struct gate_policy *policy)
{
	struct gate_verdict *v;
	struct err e = { 0 };

	if (gate_judge(runs, policy, &v, &e) < 0)
		fail_msg("%s", e.msg);
	return v;
}

static inline struct gate_verdict *program_judge(const struct program *base, size_t base_runs,
						 const struct program *new, size_t new_runs,
						 uint64_t seed, const struct gate_policy *policy)
{
	_cleanup_gate_runs_ struct gate_runs *runs =
		program_runs(base, base_runs, new, new_runs, seed, policy);

	return program_judge_runs(runs, policy);
}

static inline const struct gate_row *program_row(const struct gate_verdict *v, const char *name)
{
	vec_for_each(row, &v->metrics.items[0].rows)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

/* The name of the culprit, "" if there is none. */
static inline const char *program_culprit(const struct gate_verdict *v)
{
	vec_for_each(row, &v->metrics.items[0].rows)
		if (row->culprit)
			return row->name;
	return "";
}
