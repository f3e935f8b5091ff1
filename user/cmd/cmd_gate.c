// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Whether a change made a program slower: runs or reads profiles, has them judged, tells. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/gate_child.h"
#include "cmd/gate_files.h"
#include "cmd/gate_keep.h"
#include "cmd/gate_merge.h"
#include "cmd/gate_options.h"
#include "cmd/gate_outputs.h"
#include "cmd/gate_trials.h"
#include "cmd/say.h"
#include "cmd/signals.h"
#include "gate/judge.h"

#define SELFCHECK_TRIALS 1000

/* What the gate exits with, beside gate_outcome_status(). */
enum {
	EXIT_USAGE = 2, /* and whatever else kept it from judging */
	EXIT_INCONCLUSIVE = 3,
	EXIT_BISECT_SKIP = 125, /* git bisect: this commit cannot be tested */
	EXIT_BISECT_STOP = 128, /* git bisect: stop */
};

struct gate {
	struct gate_options o;
	struct gate_policy policy;
	struct gate_runs *runs;
	struct gate_merge merge;
	struct gate_keep keep;
	struct gate_outputs outputs;
	struct gate_trials_result trials;
	struct gate_verdict *verdict;
	bool untestable; /* what failed is the new side's, not ours */
};

/* ---- Measuring ----------------------------------------------------------------------------- */

static bool wants_merged(const struct gate_options *o)
{
	return o->keep || o->svg;
}

static int build(struct gate *g, struct err *e)
{
	struct gate_child_options options = { .command = g->o.build };
	struct gate_child c;

	if (!g->o.build)
		return 0;
	int rc = gate_child_run(&options, &c, e);
	if (rc == 0 && c.status != 0)
		rc = gate_child_failed(&c, "build", g->o.build, e);
	g->untestable = rc == -ECHILD || rc == -ENOEXEC;
	gate_child_deinit(&c);
	return rc;
}

static int run_commands(struct gate *g, struct err *e)
{
	struct gate_trials_plan plan = {
		.o = &g->o,
		.policy = &g->policy,
		.runs = g->runs,
		.merge = wants_merged(&g->o) ? &g->merge : NULL,
		.keep = &g->keep,
	};
	int rc = gate_trials_run(&plan, &g->trials, e);

	g->untestable = g->trials.untestable;
	g->policy.alpha_spent = g->trials.alpha_spent;
	return rc;
}

/* Of commands, what is not said to be judged is their CPU time. */
static int choose_metrics(struct gate *g, struct err *e)
{
	bool judged = false;

	if (!g->o.commands[GATE_BASE])
		return 0;
	vec_for_each(metric, &g->policy.metrics)
		judged |= metric->judged;
	int rc = judged ? 0 : gate_policy_set(&g->policy, "metrics", "cpu", e);
	return rc < 0 ? rc : gate_trials_check(&g->policy, e);
}

/* All that can be wrong without measuring is found before that. */
static int prepare(struct gate *g, struct err *e)
{
	uint64_t kept_runs = g->o.commands[GATE_BASE] ? g->o.runs : 0;
	int rc = gate_options_policy(&g->o, &g->policy, e);

	if (rc == 0)
		rc = choose_metrics(g, e);
	if (rc == 0)
		rc = gate_outputs_open(&g->outputs, &g->o, e);
	if (rc == 0)
		rc = gate_keep_open(&g->keep, g->o.keep, kept_runs, e);
	if (rc < 0)
		return rc;
	g->runs = gate_runs_create();
	return g->runs ? 0 : err_set(e, -ENOMEM, "cannot compare the runs");
}

static int measure(struct gate *g, struct err *e)
{
	int rc = build(g, e);

	if (rc < 0)
		return rc;
	if (g->o.commands[GATE_BASE])
		return run_commands(g, e);
	return gate_files_load(&g->o, &g->policy, g->runs, wants_merged(&g->o) ? &g->merge : NULL,
			       &g->untestable, e);
}

/* ---- Judging ------------------------------------------------------------------------------- */

/* What happened to the runs, told with the verdict. */
static int tell_trials(struct gate *g, struct err *e)
{
	const struct gate_trials_result *t = &g->trials;
	char text[128];
	int rc = 0;

	if (!g->o.commands[GATE_BASE])
		return 0;
	snprintf(text, sizeof(text), "%lu of %lu runs a side were made: %s", t->rounds, g->o.runs,
		 t->end == GATE_TRIALS_EARLY  ? "the regression was clear by then"
		 : t->end == GATE_TRIALS_TIME ? "the time limit had come"
					      : "interrupted");
	if (t->end == GATE_TRIALS_INTERRUPTED)
		rc = gate_verdict_stop(g->verdict, text);
	else if (t->end != GATE_TRIALS_ALL)
		rc = gate_verdict_note(g->verdict, text);
	if (rc == 0 && t->rate_bytes) {
		snprintf(text, sizeof(text),
			 "the heap was sampled every %lu bytes, since every call was too dear",
			 t->rate_bytes);
		rc = gate_verdict_note(g->verdict, text);
	}
	if (rc == 0 && t->left) {
		snprintf(text, sizeof(text),
			 "the commands left %zu processes behind, which were ended", t->left);
		rc = gate_verdict_note(g->verdict, text);
	}
	return rc < 0 ? err_set(e, rc, "cannot tell the verdict") : 0;
}

static int judge(struct gate *g, struct err *e)
{
	int rc = gate_judge(g->runs, &g->policy, &g->verdict, e);

	if (rc == 0 && g->o.self)
		rc = gate_selfcheck(g->runs, &g->policy, SELFCHECK_TRIALS, g->verdict, e);
	if (rc == 0 && g->o.power > 0)
		rc = gate_power(g->runs, &g->policy, g->o.power, g->verdict, e);
	return rc < 0 ? rc : tell_trials(g, e);
}

static int keep_merged(struct gate *g, struct err *e)
{
	int rc = gate_merge_finish(&g->merge, e);

	vec_for_each(merged, &g->merge.kinds) {
		for (int side = 0; rc == 0 && side < GATE_SIDES; side++)
			if (merged->profiles[side])
				rc = gate_keep_profile(&g->keep, side, 0, merged->profiles[side],
						       e);
	}
	return rc;
}

static int run(struct gate *g, struct err *e)
{
	int rc = prepare(g, e);

	if (rc == 0)
		rc = measure(g, e);
	if (rc == 0)
		rc = judge(g, e);
	if (rc == 0)
		rc = keep_merged(g, e);
	if (rc == 0)
		rc = gate_outputs_write(&g->outputs, g->verdict, &g->merge, e);
	if (rc == 0 && fflush(stdout) != 0)
		rc = err_set(e, -errno, "cannot write to standard output");
	return rc;
}

/* ---- The end ------------------------------------------------------------------------------- */

static int exit_status(const struct gate *g, int rc)
{
	bool interrupted = rc == -EINTR || g->trials.end == GATE_TRIALS_INTERRUPTED;

	if (g->o.bisect) {
		if (interrupted)
			return EXIT_BISECT_STOP;
		if (rc < 0)
			return g->untestable || rc == -ETIMEDOUT ? EXIT_BISECT_SKIP
								 : EXIT_BISECT_STOP;
	} else if (rc < 0) {
		return rc == -EINTR || rc == -ETIMEDOUT ? EXIT_INCONCLUSIVE : EXIT_USAGE;
	}
	int status = gate_outcome_status(g->verdict->outcome);
	return g->o.bisect && status == EXIT_INCONCLUSIVE ? EXIT_BISECT_SKIP : status;
}

static void gate_deinit(struct gate *g)
{
	gate_verdict_destroy(g->verdict);
	gate_outputs_close(&g->outputs);
	gate_merge_deinit(&g->merge);
	gate_runs_destroy(g->runs);
	gate_policy_deinit(&g->policy);
	gate_options_deinit(&g->o);
}

int cmd_gate(int argc, char **argv)
{
	_cleanup_(gate_deinit) struct gate g = { 0 };
	struct err e = { 0 };

	/* What one profile gave back serves the next, without the page faults of fresh memory. */
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	gate_policy_init(&g.policy);
	int rc = gate_options_parse(argc, argv, &g.o, &e);
	if (rc == 0 && g.o.help) {
		gate_help(stdout);
		return CMD_OK;
	}
	if (rc == 0) {
		signals_install(false);
		rc = run(&g, &e);
	}
	if (rc < 0)
		say_err(&e);
	return exit_status(&g, rc);
}
