// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "session/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "collect/cpu.h"
#include "profile/build.h"
#include "session/comments.h"
#include "session/cpu_profile.h"
#include "session/incomplete.h"

#define LOSS_KINDS 4

struct session {
	struct session_options options;
	char *command_line;
	struct cpu_collector *collector;
	uint64_t opened_ns; /* CLOCK_MONOTONIC, when this profile began */
	uint64_t opened_real_ns;
	uint64_t stopped_ns; /* 0 while sampling */
	uint64_t
		rotated_ns; /* while a profile is handed over: when its last samples were drained */
	uint64_t self_cpu_base_ns;
	struct cpu_losses base; /* losses before this profile began */
	struct session_lost lost[LOSS_KINDS];
	struct incomplete incomplete;
	vec_of(const char *) problems;
};

static struct processes *session_processes(const struct session *s)
{
	return &cpu_collector_follow(s->collector)->processes;
}

static const struct code_files *session_files(const struct session *s)
{
	return &cpu_collector_follow(s->collector)->files;
}

/* Where this profile begins. */
static void session_restart(struct session *s, uint64_t now_ns, uint64_t real_ns)
{
	s->opened_ns = now_ns;
	s->opened_real_ns = real_ns;
	cpu_collector_losses(s->collector, &s->base);
	processes_rebase(session_processes(s));
}

int session_open(const struct session_options *o, struct session **ret, struct err *e)
{
	struct session *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "cannot open a session");
	s->options = *o;
	s->command_line = strdup(o->command_line ? o->command_line : "");
	s->self_cpu_base_ns = clock_cpu_ns();
	struct cpu_options cpu = {
		.follow = {
			.pids = o->pids,
			.npids = o->npids,
			.all = o->all,
			.children = o->children,
			.label_tid = o->labels & SESSION_LABEL_TID,
			.label_cpu = o->labels & SESSION_LABEL_CPU,
			.label_thread = o->labels & SESSION_LABEL_THREAD,
		},
		.user_only = o->user_only,
		.hz = o->hz,
	};
	int rc = s->command_line ? cpu_collector_open(&cpu, &s->collector, e)
				 : err_set(e, -ENOMEM, "cannot open a session");
	if (rc < 0) {
		session_close(s);
		return rc;
	}
	if (o->preload)
		follow_preload(cpu_collector_follow(s->collector), o->preload);
	processes_check(session_processes(s));
	session_restart(s, clock_mono_ns(), clock_real_ns());
	*ret = s;
	return 0;
}

int session_poll(struct session *s, int timeout_ms, struct err *e)
{
	int rc = cpu_collector_poll(s->collector, timeout_ms, e);

	if (rc < 0 && rc != -EINTR)
		return rc;
	return !s->options.all && session_processes(s)->alive_targets == 0;
}

void session_stop(struct session *s)
{
	if (s->stopped_ns)
		return;
	cpu_collector_stop(s->collector);
	s->stopped_ns = clock_mono_ns();
	cpu_collector_drain(s->collector, NULL);
	processes_check(session_processes(s));
}

/* One reason's losses since this profile began, listed if there are any. */
static void stats_add_loss(struct session *s, struct session_stats *ret, const char *reason,
			   uint64_t samples)
{
	if (samples == 0)
		return;
	s->lost[ret->lost_by_len++] = (struct session_lost){ reason, samples };
	ret->lost += samples;
}

static void stats_losses(struct session *s, struct session_stats *ret)
{
	struct cpu_losses now;

	cpu_collector_losses(s->collector, &now);
	ret->lost_by = s->lost;
	ret->throttled = now.throttled - s->base.throttled;
	ret->finished_walks = now.deferred - s->base.deferred;
	stats_add_loss(s, ret, "ring buffer full", now.ring - s->base.ring);
	stats_add_loss(s, ret, "table of counts full", now.counts - s->base.counts);
	stats_add_loss(s, ret, "memory for stacks used up", now.store - s->base.store);
	stats_add_loss(s, ret, "stack did not arrive", now.stack - s->base.stack);
	ret->unfollowed = now.unfollowed - s->base.unfollowed;
	ret->not_installed = now.not_installed - s->base.not_installed;
}

static void stats_samples(const struct samples *samples, struct session_stats *ret)
{
	for (size_t i = 0; i < samples->counts.len; i++) {
		const struct sample_key *key = map_key_at(&samples->counts, i);
		const struct cpu_value *value = map_value_at(&samples->counts, i);

		ret->samples += value->samples;
		ret->sampled_ns += value->ns;
		if (!key->user)
			continue;
		ret->user_samples += value->samples;
		if (key->end == UNWIND_END_COMPLETE)
			ret->complete += value->samples;
		else if (key->end == UNWIND_END_TRUNCATED)
			ret->truncated += value->samples;
	}
}

static void stats_problems(struct session *s, struct session_stats *ret)
{
	const struct code_files *files = session_files(s);

	s->problems.len = 0;
	vec_for_each(file, &files->items)
		if ((*file)->problem && vec_push(&s->problems, (*file)->problem) < 0)
			break;
	ret->problems = s->problems.items;
	ret->problems_len = s->problems.len;
}

/* Where this profile ends: it was stopped, it is being handed over, or now. */
static uint64_t session_end_ns(const struct session *s)
{
	if (s->stopped_ns)
		return s->stopped_ns;
	return s->rotated_ns ? s->rotated_ns : clock_mono_ns();
}

void session_stats(struct session *s, struct session_stats *ret)
{
	struct processes *processes = session_processes(s);
	const struct samples *samples = cpu_collector_samples(s->collector);

	*ret = (struct session_stats){
		.duration_ns = session_end_ns(s) - s->opened_ns,
		.self_cpu_ns = clock_cpu_ns() - s->self_cpu_base_ns,
		.targets_alive = processes->alive_targets,
		.kernel_ns = s->options.all ? 0 : processes_cpu_ns(processes),
	};
	stats_samples(samples, ret);
	stats_losses(s, ret);
	stats_problems(s, ret);
	ret->unwind_rows = follow_rows(cpu_collector_follow(s->collector));
	ret->unwind_files = (uint32_t)session_files(s)->items.len;
	ret->verified_insns = follow_verified_insns(cpu_collector_follow(s->collector));
	incomplete_fill(&s->incomplete, samples, session_files(s));
	ret->incomplete = s->incomplete.rows.items;
	ret->incomplete_len = s->incomplete.rows.len;
}

static void profile_describe(struct session *s, struct profile *p,
			     const struct symbolize_stats *names)
{
	struct session_stats stats;

	session_stats(s, &stats);
	p->time_nanos = (int64_t)s->opened_real_ns;
	p->duration_nanos = (int64_t)stats.duration_ns;
	comments_add(p, s->command_line, &stats, names);
}

int session_rotate(struct session *s, struct profile **ret, struct err *e)
{
	_cleanup_profile_ struct profile *p = NULL;
	struct cpu_profile_options options = {
		.hz = s->options.hz,
		.label_pid = s->options.labels & SESSION_LABEL_PID,
		.label_tid = s->options.labels & SESSION_LABEL_TID,
		.label_cpu = s->options.labels & SESSION_LABEL_CPU,
		.label_thread = s->options.labels & SESSION_LABEL_THREAD,
		.symbols = !s->options.no_symbols,
	};
	struct symbolize_stats names;
	int rc = s->stopped_ns ? 0 : cpu_collector_drain(s->collector, e);

	if (rc < 0)
		return rc;
	uint64_t real_ns = clock_real_ns();
	s->rotated_ns = clock_mono_ns();
	processes_check(session_processes(s));
	rc = cpu_profile_build(&options, s->collector, &p, &names, e);
	if (rc == 0) {
		profile_describe(s, p, &names);
		rc = profile_build_error(p);
		if (rc < 0)
			err_set(e, rc, "cannot build the profile");
	}
	if (rc == 0) {
		samples_restart(cpu_collector_samples(s->collector));
		session_restart(s, s->rotated_ns, real_ns);
		*ret = steal(p);
	}
	s->rotated_ns = 0;
	return rc;
}

void session_close(struct session *s)
{
	if (!s)
		return;
	cpu_collector_close(s->collector);
	incomplete_deinit(&s->incomplete);
	vec_deinit(&s->problems);
	free(s->command_line);
	free(s);
}
