/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * How a capture is ended from outside.
 *
 * SIGINT (also where a background shell had it ignored), SIGTERM and SIGHUP (unless ignored: nohup)
 * ask to end: system calls that wait return EINTR, and signals_stop() says so. A further SIGINT
 * gives up at once: the process ends with CMD_FAILURE and nothing is written. SIGPIPE and SIGXFSZ
 * are ignored, so that writing fails instead; SIGCHLD interrupts a wait. The state is the
 * process's: one capture at a time.
 */
#pragma once

#include <stdbool.h>

struct output;

/** Install the handlers; there is no way back. `snapshots`: SIGUSR1 asks for one. */
void signals_install(bool snapshots);

/** Whether a snapshot was asked for since this was last asked. */
bool signals_snapshot(void);

/** Whether the capture shall end. */
bool signals_stop(void);

/** The file whose temporary name is removed when giving up; NULL: none any more. Borrowed. */
void signals_guard(const struct output *o);
