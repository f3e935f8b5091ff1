// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/gate_trials.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "cmd/gate_child.h"
#include "cmd/gate_progress.h"
#include "cmd/gate_same.h"
#include "cmd/gate_work.h"
#include "cmd/progress.h"
#include "cmd/say.h"
#include "gate/judge.h"
#include "gate/looks.h"
#include "stats/prng.h"

#define KINDS_MAX 2

struct trials {
	const struct gate_trials_plan *plan;
	const struct gate_options *o;
	struct gate_trials_result *result;
	struct gate_work work;
	enum session_kind kinds[KINDS_MAX];
	size_t kinds_len;
	uint64_t rate_bytes;
	uint64_t start_ns, deadline_ns; /* CLOCK_MONOTONIC; no deadline: 0 */
	uint64_t longest_ns;            /* of the rounds so far */
	struct buf output;              /* what the first run printed */
	bool has_output;
	enum gate_side output_side;
	struct session *session; /* of CPU profiles */
	cpu_set_t own_cpus;      /* ours, before we kept off those of the commands */
	bool kept_off;
	struct prng rng;
	struct progress progress;
	struct err *e;
};

/* ---- Metrics ------------------------------------------------------------------------------- */

static const struct {
	const char *metric;
	enum session_kind kind;
} collected[] = {
	{ "cpu", SESSION_CPU },
	{ "alloc_space", SESSION_HEAP },
	{ "alloc_objects", SESSION_HEAP },
	{ "inuse_space", SESSION_HEAP },
	{ "inuse_objects", SESSION_HEAP },
};

static int metric_kind(const char *metric, enum session_kind *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(collected); i++) {
		if (strcmp(collected[i].metric, metric) != 0)
			continue;
		*kind = collected[i].kind;
		return 0;
	}
	return -ENOENT;
}

int gate_trials_check(const struct gate_policy *policy, struct err *e)
{
	enum session_kind kind;

	vec_for_each(metric, &policy->metrics) {
		if (!metric->judged || metric_kind(metric->name, &kind) == 0)
			continue;
		if (strcmp(metric->name, "delay") == 0 || strcmp(metric->name, "contentions") == 0)
			return err_plain(e, -EINVAL,
					 "'%s' of a command cannot be profiled: give profiles that "
					 "have it with '--base' and '--new'",
					 metric->name);
		return err_plain(e, -EINVAL,
				 "'%s' is no metric of a command: there are cpu, alloc_space, "
				 "alloc_objects, inuse_space, inuse_objects",
				 metric->name);
	}
	return 0;
}

static void kinds_choose(struct trials *t)
{
	static const enum session_kind all[KINDS_MAX] = { SESSION_CPU, SESSION_HEAP };

	for (size_t i = 0; i < KINDS_MAX; i++) {
		bool wanted = false;
		enum session_kind kind;

		vec_for_each(metric, &t->plan->policy->metrics)
			wanted |= metric->judged && metric_kind(metric->name, &kind) == 0 &&
				  kind == all[i];
		if (wanted)
			t->kinds[t->kinds_len++] = all[i];
	}
}

/* ---- One run ------------------------------------------------------------------------------- */

static const char *side_command(const struct gate_options *o, enum gate_side side)
{
	return o->commands[o->self ? GATE_BASE : side];
}

/* All runs of both sides print what the first one did. */
static int check_output(struct trials *t, enum gate_side side, struct gate_child *c)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	struct gate_difference d;

	if (!t->o->same_output)
		return 0;
	rewind(c->out);
	int rc = fd_read_all(fileno(c->out), t->has_output ? &text : &t->output, t->e);
	if (rc < 0)
		return rc;
	if (!t->has_output) {
		t->has_output = true;
		t->output_side = side;
		return 0;
	}
	if (gate_same(&t->output, &text, &d))
		return 0;
	if (side == t->output_side || t->o->self)
		return err_plain(t->e, -ECHILD,
				 "the %s command '%s' does not always print the same: line %zu was "
				 "'%s', then '%s'",
				 gate_side_name(side), side_command(t->o, side), d.line, d.first,
				 d.second);
	t->result->untestable = true;
	bool base = side == GATE_BASE;
	return err_plain(
		t->e, -ECHILD,
		"the commands do not print the same: line %zu is '%s' of the base, '%s' of "
		"the new",
		d.line, base ? d.second : d.first, base ? d.first : d.second);
}

/* The profile of a run: kept, merged, reduced, in this order, for reducing changes it. */
static int profile_take(struct trials *t, enum gate_side side, struct gate_child *c, double work)
{
	const struct gate_trials_plan *plan = t->plan;
	uint64_t run = t->result->rounds + 1;
	struct gate_run *reduced;
	struct gate_facts facts = {
		.source = gate_side_name(side),
		.work = work,
		.cpu_seconds = c->cpu_seconds,
		.order = c->start_ns,
	};
	int rc = gate_keep_profile(plan->keep, side, run, c->profile, t->e);

	if (rc == 0 && t->o->per_file)
		rc = gate_keep_work(plan->keep, side, run, gate_merge_kind(c->profile), work, t->e);
	if (rc == 0 && plan->merge) {
		struct profile *copy = NULL;
		rc = gate_merge_copy(c->profile, &copy, t->e);
		if (rc == 0)
			rc = gate_merge_add(plan->merge, side, copy, work, t->e);
	}
	if (rc == 0)
		rc = gate_run_reduce(c->profile, &facts, plan->policy, &reduced, t->e);
	return rc < 0 ? rc : gate_runs_add(plan->runs, side, reduced, t->e);
}

static void say_run(const struct trials *t, enum gate_side side, enum session_kind kind,
		    const struct gate_child *c, bool judged)
{
	if (!t->o->verbose)
		return;
	say("%s %s %" PRIu64 ", %s: %.2f s, %.3f s CPU, %" PRIu64 " samples, %" PRIu64 " lost",
	    gate_side_name(side), judged ? "run" : "warm-up", t->result->rounds + 1,
	    kind == SESSION_HEAP ? "heap" : "cpu", (double)c->duration_ns / NS_PER_SEC,
	    c->cpu_seconds, c->samples, c->lost);
}

static int run_finish(struct trials *t, enum gate_side side, enum session_kind kind,
		      struct gate_child *c, bool judged)
{
	double work = 0;
	int rc = 0;

	t->result->left += c->left;
	t->result->untestable = side == GATE_NEW;
	if (c->status != 0)
		return gate_child_failed(c, gate_side_name(side), side_command(t->o, side), t->e);
	rc = check_output(t, side, c);
	if (rc == 0)
		rc = gate_work_of_run(&t->work, side, &work, t->e);
	if (rc < 0)
		return rc;
	t->result->untestable = false;
	say_run(t, side, kind, c, judged);
	if (kind == SESSION_HEAP && c->rate_bytes > t->rate_bytes)
		t->rate_bytes = t->result->rate_bytes = c->rate_bytes;
	return judged ? profile_take(t, side, c, work) : 0;
}

/* 0, -EINTR, -ETIMEDOUT, or another error. */
static int run_one(struct trials *t, enum gate_side side, enum session_kind kind, bool judged)
{
	_cleanup_(buf_deinit) struct buf comment = { 0 };
	struct gate_child c;
	struct gate_child_options options = {
		.command = side_command(t->o, side),
		.profiled = true,
		.kind = kind,
		.rate_bytes = t->rate_bytes,
		.session = &t->session,
		.cpus = t->o->pin ? &t->o->cpus : NULL,
		.deadline_ns = t->deadline_ns,
	};

	if (buf_printf(&comment, "cprofbpf gate, %s: %s", gate_side_name(side), options.command) <
	    0)
		return err_set(t->e, -ENOMEM, "cannot start '%s'", options.command);
	options.command_line = comment.data;
	gate_work_expect(&t->work);
	int rc = gate_child_run(&options, &c, t->e);
	if (rc == 0)
		rc = run_finish(t, side, kind, &c, judged);
	else
		t->result->untestable = rc == -ENOEXEC && side == GATE_NEW;
	gate_child_deinit(&c);
	return rc == -ENOEXEC ? -ECHILD : rc;
}

/* ---- Rounds -------------------------------------------------------------------------------- */

static int round_make(struct trials *t, bool judged)
{
	uint64_t start_ns = clock_mono_ns();

	for (size_t i = 0; i < t->kinds_len; i++) {
		enum gate_side first = prng_below(&t->rng, 2) ? GATE_NEW : GATE_BASE;
		int rc = run_one(t, first, t->kinds[i], judged);

		if (rc == 0)
			rc = run_one(t, first == GATE_BASE ? GATE_NEW : GATE_BASE, t->kinds[i],
				     judged);
		if (rc < 0)
			return rc;
	}
	uint64_t took_ns = clock_mono_ns() - start_ns;
	if (took_ns > t->longest_ns)
		t->longest_ns = took_ns;
	return 0;
}

static void progress_tell(struct trials *t)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	uint64_t rounds = t->result->rounds;
	struct gate_progress p = { .round = rounds, .rounds = t->o->runs };

	if (t->progress.fd < 0)
		return;
	if (rounds > 0)
		p.left_ns = (clock_mono_ns() - t->start_ns) / rounds * (t->o->runs - rounds);
	if (gate_progress_format(&p, t->plan->runs, t->plan->policy, &text) == 0)
		progress_show(&t->progress, text.data);
}

/* Whether these runs are enough to name who did it, which an early end would be poor without. */
static int can_name(const struct trials *t, bool *ret)
{
	struct gate_policy policy = *t->plan->policy; /* shallow: it is not freed */
	struct gate_verdict *verdict;

	policy.alpha_spent = t->result->alpha_spent;
	int rc = gate_judge(t->plan->runs, &policy, &verdict, t->e);
	if (rc < 0)
		return rc;
	*ret = true;
	vec_for_each(metric, &verdict->metrics) {
		vec_for_each(reason, &metric->reasons)
			*ret &= reason->kind != GATE_FEW_RUNS_FUNCTIONS;
	}
	gate_verdict_destroy(verdict);
	return 0;
}

/* Whether all metrics have regressed: those that have not need the runs that were asked for. */
static int look(struct trials *t, double alpha, bool *clear)
{
	const struct gate_policy *policy = t->plan->policy;

	*clear = true;
	vec_for_each(metric, &policy->metrics) {
		struct gate_look seen;

		if (!metric->judged)
			continue;
		int rc = gate_look(t->plan->runs, policy, metric->name, alpha, &seen, t->e);
		if (rc < 0)
			return rc;
		*clear &= seen.regressed;
	}
	return *clear ? can_name(t, clear) : 0;
}

static int look_if_planned(struct trials *t, const struct gate_plan *plan, bool *clear)
{
	*clear = false;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->runs[i] == t->result->rounds)
			return look(t, plan->alpha[i], clear);
	return 0;
}

/* Whether another round would end in time, as far as those before tell. */
static bool has_time(const struct trials *t)
{
	return !t->deadline_ns || clock_mono_ns() + t->longest_ns <= t->deadline_ns;
}

static int rounds_make(struct trials *t, const struct gate_plan *plan)
{
	bool clear;
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < t->o->warmup; i++)
		rc = round_make(t, false);
	t->start_ns = clock_mono_ns();
	while (rc == 0 && t->result->rounds < t->o->runs) {
		progress_tell(t);
		if (!has_time(t))
			return err_plain(t->e, -ETIMEDOUT, "the time limit has passed");
		rc = round_make(t, true);
		if (rc < 0)
			break;
		t->result->rounds++;
		rc = look_if_planned(t, plan, &clear);
		if (rc == 0 && clear && t->result->rounds < t->o->runs) {
			t->result->end = GATE_TRIALS_EARLY;
			return 0;
		}
	}
	return rc;
}

/* What came before the end is judged, if there is anything. */
static int end_settle(struct trials *t, int rc)
{
	if (rc != -ETIMEDOUT && rc != -EINTR)
		return rc;
	t->result->end = rc == -EINTR ? GATE_TRIALS_INTERRUPTED : GATE_TRIALS_TIME;
	if (t->result->rounds > 0)
		return 0;
	return rc == -EINTR
		       ? err_plain(t->e, rc, "interrupted before both sides were measured once")
		       : err_plain(
				 t->e, rc,
				 "the time limit has passed before both sides were measured once");
}

/* The commands have their CPUs to themselves, as far as we go. */
static void keep_off(struct trials *t)
{
	cpu_set_t rest;

	if (!t->o->pin || sched_getaffinity(0, sizeof(t->own_cpus), &t->own_cpus) < 0)
		return;
	CPU_AND(&rest, &t->own_cpus, &t->o->cpus);
	CPU_XOR(&rest, &rest, &t->own_cpus);
	if (CPU_COUNT(&rest) > 0)
		t->kept_off = sched_setaffinity(0, sizeof(rest), &rest) == 0;
}

static size_t judged_metrics(const struct gate_policy *policy)
{
	size_t count = 0;

	vec_for_each(metric, &policy->metrics)
		count += metric->judged;
	return count;
}

static void looks_plan(const struct trials *t, struct gate_plan *plan)
{
	const struct gate_policy *policy = t->plan->policy;

	*plan = (struct gate_plan){ 0 };
	if (!t->o->self)
		gate_plan_init(plan, t->o->runs, policy->alpha, judged_metrics(policy));
	t->result->alpha_spent = plan->spent;
}

int gate_trials_run(const struct gate_trials_plan *plan, struct gate_trials_result *ret,
		    struct err *e)
{
	struct trials t = {
		.plan = plan,
		.o = plan->o,
		.result = ret,
		.rate_bytes = plan->o->rate_bytes,
		.e = e,
	};
	struct gate_plan looks;

	*ret = (struct gate_trials_result){ 0 };
	int rc = gate_work_init(&t.work, t.o, e);
	if (rc < 0)
		return rc;
	if (t.o->time_limit_ns)
		t.deadline_ns = clock_mono_ns() + t.o->time_limit_ns;
	kinds_choose(&t);
	looks_plan(&t, &looks);
	prng_init(&t.rng, plan->policy->seed);
	progress_init(&t.progress, t.o->quiet || t.o->verbose ? -1 : STDERR_FILENO);
	keep_off(&t);
	rc = end_settle(&t, rounds_make(&t, &looks));
	if (t.kept_off)
		sched_setaffinity(0, sizeof(t.own_cpus), &t.own_cpus);
	progress_deinit(&t.progress);
	session_close(t.session);
	gate_work_deinit(&t.work);
	buf_deinit(&t.output);
	return rc;
}
