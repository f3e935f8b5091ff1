/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * One run of a command for the gate, profiled from its exec to its exit.
 *
 * The command reads nothing (/dev/null) and its output goes to unnamed files. A command that the
 * shell would only split into words is executed directly, so that the shell is in no profile;
 * anything else is /bin/sh's. It inherits our environment and working directory.
 *
 * signals_install() must have been called. Not thread-safe.
 */
#pragma once

#include <sched.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "profile/profile.h"
#include "session/session.h"

struct gate_child_options {
	const char *command;
	const char *command_line; /* recorded in the profile */
	bool profiled;
	enum session_kind kind;
	uint64_t rate_bytes; /* of heap profiles */
	/*
	 * The session that CPU profiles of one run after the other are taken with, NULL before the
	 * first; closed by the caller. A new one for each run would take most of its time to open.
	 */
	struct session **session;
	const cpu_set_t *cpus; /* to run on; NULL: anywhere */
	uint64_t deadline_ns;  /* CLOCK_MONOTONIC; 0: none */
};

/** What a run left behind. */
struct gate_child {
	int status;              /* as waitpid(2) gives it */
	struct profile *profile; /* owned; NULL if the command failed or was not profiled */
	int64_t start_ns;        /* CLOCK_REALTIME */
	uint64_t duration_ns;
	double cpu_seconds;  /* of it and the descendants that it waited for, from rusage */
	uint64_t rate_bytes; /* of a heap profile, at its end: raised where 1 was too dear */
	uint64_t samples, lost;
	size_t left;     /* descendants that still ran at its end, and were killed */
	FILE *out, *err; /* what it wrote, owned */
};

/**
 * Run it to its end. 0 also if it failed: see status. -EINTR: a signal asks us to end; -ETIMEDOUT:
 * the deadline has passed; the command and its descendants were killed then. -ENOEXEC: it could not
 * be started, the message tells why. Other errors are the profiler's. *ret is freed with
 * gate_child_deinit() in any case.
 */
int gate_child_run(const struct gate_child_options *o, struct gate_child *ret, struct err *e);
void gate_child_deinit(struct gate_child *c);

/**
 * Of a run that failed: say the last lines that it wrote to standard error, and record "the WHAT
 * command failed: 'COMMAND' exited with status 3". Returns -ECHILD.
 */
int gate_child_failed(const struct gate_child *c, const char *what, const char *command,
		      struct err *e);
