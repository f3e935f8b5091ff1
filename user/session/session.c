// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "session/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "profile/build.h"
#include "session/comments.h"
#include "session/kind.h"

struct session {
	struct session_options options;
	char *command_line;
	const struct session_kind_ops *kind;
	void *state;        /* the kind's */
	uint64_t opened_ns; /* CLOCK_MONOTONIC, when this profile began */
	uint64_t opened_real_ns;
	uint64_t stopped_ns; /* 0 while sampling */
	uint64_t
		rotated_ns; /* while a profile is handed over: when its last samples were drained */
	uint64_t self_cpu_base_ns;
	struct session_figures figures;
	vec_of(const char *) problems;
};

static struct processes *session_processes(const struct session *s)
{
	return &s->kind->follow(s->state)->processes;
}

/* Where this profile begins. */
static void session_restart(struct session *s, uint64_t now_ns, uint64_t real_ns)
{
	s->opened_ns = now_ns;
	s->opened_real_ns = real_ns;
	if (s->kind->restart)
		s->kind->restart(s->state);
	processes_rebase(session_processes(s));
}

/* Sampling has begun. */
static void session_begin(struct session *s, const struct session_options *o)
{
	if (o->preload)
		s->kind->preload(s->state, o->preload);
	processes_check(session_processes(s));
	session_restart(s, clock_mono_ns(), clock_real_ns());
}

int session_open(const struct session_options *o, struct session **ret, struct err *e)
{
	struct session *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "cannot open a session");
	s->options = *o;
	s->figures.options = &s->options;
	s->kind = o->kind == SESSION_HEAP ? &session_kind_heap : &session_kind_cpu;
	s->command_line = strdup(o->command_line ? o->command_line : "");
	s->self_cpu_base_ns = clock_cpu_ns();
	int rc = s->command_line ? s->kind->open(o, &s->state, e)
				 : err_set(e, -ENOMEM, "cannot open a session");
	if (rc < 0) {
		session_close(s);
		return rc;
	}
	session_begin(s, o);
	*ret = s;
	return 0;
}

int session_retarget(struct session *s, const struct session_options *o, struct err *e)
{
	uint64_t self_cpu_base_ns = clock_cpu_ns();

	if (!s->kind->retarget)
		return err_plain(e, -ENOTSUP, "targets of this kind need a new session");
	_cleanup_free_ char *command_line = strdup(o->command_line ? o->command_line : "");
	if (!command_line)
		return err_set(e, -ENOMEM, "cannot open a session");
	int rc = s->kind->retarget(s->state, o->pids, o->npids, e);
	if (rc < 0)
		return rc;
	free(s->command_line);
	s->command_line = steal(command_line);
	s->self_cpu_base_ns = self_cpu_base_ns;
	s->stopped_ns = 0;
	session_begin(s, o);
	return 0;
}

int session_poll(struct session *s, int timeout_ms, struct err *e)
{
	int rc = s->kind->poll(s->state, timeout_ms, e);

	if (rc < 0 && rc != -EINTR)
		return rc;
	return !s->options.all && session_processes(s)->alive_targets == 0;
}

void session_stop(struct session *s)
{
	if (s->stopped_ns)
		return;
	s->kind->stop(s->state);
	s->stopped_ns = clock_mono_ns();
	s->kind->drain(s->state, NULL);
	processes_check(session_processes(s));
}

void session_add_loss(struct session_figures *f, struct session_stats *ret, const char *reason,
		      uint64_t samples)
{
	if (samples == 0 || ret->lost_by_len == SESSION_LOST_MAX)
		return;
	f->lost[ret->lost_by_len++] = (struct session_lost){ reason, samples };
	ret->lost += samples;
}

static void stats_problems(struct session *s, struct session_stats *ret)
{
	const struct code_files *files = &s->kind->follow(s->state)->files;

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
	struct follow *f = s->kind->follow(s->state);

	*ret = (struct session_stats){
		.duration_ns = session_end_ns(s) - s->opened_ns,
		.self_cpu_ns = clock_cpu_ns() - s->self_cpu_base_ns,
		.targets_alive = f->processes.alive_targets,
		.kernel_ns = s->options.all ? 0 : processes_cpu_ns(&f->processes),
		.unwind_rows = follow_rows(f),
		.unwind_files = (uint32_t)f->files.items.len,
		.verified_insns = follow_verified_insns(f),
		.lost_by = s->figures.lost,
	};
	s->figures.incomplete.rows.len = 0;
	s->kind->stats(s->state, &s->figures, ret);
	stats_problems(s, ret);
	incomplete_sort(&s->figures.incomplete);
	ret->incomplete = s->figures.incomplete.rows.items;
	ret->incomplete_len = s->figures.incomplete.rows.len;
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
	struct symbolize_stats names;
	int rc = s->stopped_ns ? 0 : s->kind->drain(s->state, e);

	if (rc < 0)
		return rc;
	uint64_t real_ns = clock_real_ns();
	s->rotated_ns = clock_mono_ns();
	processes_check(session_processes(s));
	rc = s->kind->build(s->state, &s->options, &p, &names, e);
	if (rc == 0) {
		profile_describe(s, p, &names);
		rc = profile_build_error(p);
		if (rc < 0)
			err_set(e, rc, "cannot build the profile");
	}
	if (rc == 0) {
		if (s->kind->restart)
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
	if (s->state)
		s->kind->close(s->state);
	incomplete_deinit(&s->figures.incomplete);
	vec_deinit(&s->figures.probes);
	vec_deinit(&s->problems);
	free(s->command_line);
	free(s);
}
