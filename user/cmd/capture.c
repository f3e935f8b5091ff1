// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/capture.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/progress.h"
#include "cmd/signals.h"

/* How long to wait at the most before the clock, the command and signals are looked at again. */
#define POLL_MS 250

static int open_session(const struct capture_options *o, const struct targets *t,
			const char *command_line, struct capture *c, struct err *e)
{
	struct session_options options = {
		.kind = o->kind,
		.pids = o->command ? &c->spawn.pid : t->pids.items,
		.npids = o->command ? 1 : t->pids.len,
		.all = o->all,
		.children = o->children,
		.user_only = o->user_only,
		.no_symbols = o->no_symbols,
		.hz = o->hz,
		.heap = o->heap,
		.labels = o->labels,
		.preload = t->program,
		.command_line = command_line,
	};
	int rc = session_open(&options, &c->session, e);

	if (rc < 0)
		return rc;
	if (signals_stop())
		return err_plain(e, -ECANCELED, "interrupted before the first sample");
	if (!o->command)
		return 0;
	rc = spawn_release(&c->spawn, e);
	return rc < 0 ? err_prefix(e, "'%s'", o->command[0]) : 0;
}

/*
 * Attaching takes a tenth of a second or two. On a machine that is so overloaded that somebody
 * looks into it our fair share makes half a minute of that, and the outage may be over. Who was
 * made nice stays so, and who may not be otherwise, too. Returns what to set afterwards.
 */
static int priority_raise(void)
{
	int was = getpriority(PRIO_PROCESS, 0);

	if (was == 0)
		setpriority(PRIO_PROCESS, 0, PRIO_MIN);
	return was;
}

int capture_open(const struct capture_options *o, const struct targets *t, const char *command_line,
		 struct capture *ret, struct err *e)
{
	*ret = (struct capture){ .spawn.fd = -1 };
	/* Before the handlers: the command's signals are to be as ours were. */
	int rc = o->command ? spawn_start(o->command, &ret->spawn, e) : 0;

	if (rc < 0)
		return rc;
	signals_install(o->kind == SESSION_HEAP);
	int priority = priority_raise();
	rc = open_session(o, t, command_line, ret, e);
	setpriority(PRIO_PROCESS, 0, priority);
	if (rc < 0)
		capture_close(ret);
	return rc;
}

/* Milliseconds, rounded up, until there is something to do. */
static int wait_ms(uint64_t left_ns)
{
	return left_ns > POLL_MS * 1000000ULL ? POLL_MS : (int)((left_ns + 999999) / 1000000);
}

static void draw(struct progress *p, struct session *s, uint64_t left_ns)
{
	struct session_stats stats;

	session_stats(s, &stats);
	progress_draw(p, &stats, left_ns);
}

static int capture_wait(struct capture *c, const struct capture_options *o, struct progress *p,
			capture_snapshot_fn snapshot, void *ctx, struct err *e)
{
	uint64_t start_ns = clock_mono_ns(), left_ns = UINT64_MAX;

	while (!signals_stop()) {
		if (o->duration_ns) {
			uint64_t passed_ns = clock_mono_ns() - start_ns;

			if (passed_ns >= o->duration_ns)
				return 0;
			left_ns = o->duration_ns - passed_ns;
		}
		int rc = session_poll(c->session, wait_ms(left_ns), e);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		if (o->command && spawn_poll(&c->spawn) == 1)
			return 0;
		if (signals_snapshot() && snapshot)
			snapshot(ctx);
		if (progress_due(p))
			draw(p, c->session, o->duration_ns ? left_ns : 0);
	}
	return 0;
}

int capture_run(struct capture *c, const struct capture_options *o, capture_snapshot_fn snapshot,
		void *ctx, struct err *e)
{
	struct progress progress;

	/* A command writes to the same terminal: nothing of ours goes between its lines. */
	progress_init(&progress, o->quiet || o->command ? -1 : STDERR_FILENO);
	int rc = capture_wait(c, o, &progress, snapshot, ctx, e);
	session_stop(c->session);
	progress_deinit(&progress);
	return rc;
}

const char *capture_why_empty(const struct capture_options *o)
{
	if (o->kind == SESSION_HEAP)
		return "no allocation was sampled: a longer time or a lower --rate takes more";
	if (o->all)
		return "all processes slept";
	return o->command ? "the command used hardly any CPU time: a higher -F takes more"
			  : "the target used no CPU time";
}

void capture_close(struct capture *c)
{
	session_close(c->session);
	spawn_deinit(&c->spawn);
	*c = (struct capture){ .spawn.fd = -1 };
}
