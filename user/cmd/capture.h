/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * A capture from its start to the profile: the command started stopped, a session on the targets,
 * signals and progress while it runs. What becomes of the profile is the caller's business.
 *
 * One at a time, see signals.h. Not thread-safe.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "cmd/capture_options.h"
#include "cmd/targets.h"
#include "proc/spawn.h"
#include "session/session.h"

struct capture {
	struct session *session;
	struct spawn spawn; /* the command, if there is one */
};

/**
 * Install the signal handlers, start the command (stopped) and the session, release the command.
 * `command_line` is recorded in the profile. -ECANCELED: a signal came before anything was sampled.
 * *ret is zeroed on failure, and the command never executed.
 */
int capture_open(const struct capture_options *o, const struct targets *t, const char *command_line,
		 struct capture *ret, struct err *e);

/** Why it has no samples, for a message. */
const char *capture_why_empty(const struct capture_options *o);

/** SIGUSR1 asks for a snapshot; the capture goes on. */
typedef void (*capture_snapshot_fn)(void *ctx);

/**
 * Sample until the time is over, a signal asks to end, or the targets have ended (with a command:
 * it, whatever its children do). The session is stopped then, also on an error, and what was
 * sampled is there for session_stats() and session_rotate(). `snapshot` may be NULL.
 */
int capture_run(struct capture *c, const struct capture_options *o, capture_snapshot_fn snapshot,
		void *ctx, struct err *e);

/** End the session. A command that has not ended runs on. */
void capture_close(struct capture *c);
