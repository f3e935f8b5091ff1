/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What a kind of profile is to a session: a collector, its figures, and the way to a profile. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "collect/follow.h"
#include "profile/profile.h"
#include "session/incomplete.h"
#include "session/session.h"
#include "symbolize/symbolize.h"

/** What the figures of one call point to. */
struct session_figures {
	const struct session_options *options;
	struct session_lost lost[SESSION_LOST_MAX];
	struct incomplete incomplete;
	struct session_heap_stats heap;
	vec_of(struct session_probe) probes;
};

/** One kind; `state` is what its open() made. */
struct session_kind_ops {
	int (*open)(const struct session_options *o, void **state, struct err *e);
	void (*close)(void *state);
	struct follow *(*follow)(void *state);
	void (*preload)(void *state, const char *path);
	/* Stopped: sample other targets from now on. NULL: that takes a new session. */
	int (*retarget)(void *state, const pid_t *pids, size_t npids, struct err *e);
	int (*poll)(void *state, int timeout_ms, struct err *e);
	int (*drain)(void *state, struct err *e);
	void (*stop)(void *state);
	/* Add what this kind knows: samples, losses, incomplete stacks. */
	void (*stats)(void *state, struct session_figures *f, struct session_stats *ret);
	/* Build the profile of everything collected, symbolized. */
	int (*build)(void *state, const struct session_options *o, struct profile **ret,
		     struct symbolize_stats *names, struct err *e);
	/* A profile has been handed over: begin the next. NULL: profiles go on from the start. */
	void (*restart)(void *state);
};

extern const struct session_kind_ops session_kind_cpu, session_kind_heap;

/** List losses of a reason, if there are any. */
void session_add_loss(struct session_figures *f, struct session_stats *ret, const char *reason,
		      uint64_t samples);
