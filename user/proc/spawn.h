/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * A command that is started stopped, just before its exec, so that it can be profiled from its
 * first instruction.
 *
 * The command is our child and stays in our process group, on our terminal: Ctrl-C there reaches it
 * as it would without us, and it may read the terminal. It runs as the user that we run as. It is
 * never killed: not when we end first, and not by ending with us. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct spawn {
	pid_t pid; /* 0: nothing was started */
	bool exited;
	int status; /* as waitpid(2) gives it, once `exited` */
	int fd;     /* our end of the line to the child, until it executes; else -1 */
};

/**
 * The file that running `command` would execute: itself if it has a slash, else the first one in
 * $PATH. The caller frees *ret. -ENOENT, -EACCES: with a message that names the command.
 */
int spawn_find(const char *command, char **ret, struct err *e);

/**
 * Fork a child that waits for spawn_release(). argv[0] is looked up like a shell does; argv ends
 * with a NULL.
 *
 * The child keeps the signal mask and the ignored signals of the caller, handlers become the
 * default: call this before installing handlers and before ignoring signals of one's own. *ret is
 * zeroed on failure.
 */
int spawn_start(char *const argv[], struct spawn *ret, struct err *e);

/**
 * Let the child execute the command. Returns when it does; otherwise the child is reaped, and the
 * errno of its exec is returned.
 */
int spawn_release(struct spawn *s, struct err *e);

/**
 * Has the command exited? 1 and s->status is set; 0: it runs on; a negative errno. It stays a
 * zombie, whose CPU time can still be read, until spawn_deinit().
 */
int spawn_poll(struct spawn *s);

/** As spawn_poll(), waiting for its exit, whatever signals arrive. */
int spawn_wait(struct spawn *s);

/** "exited with status 3", "was killed by signal 9 (Killed)"; returns `to`. */
const char *spawn_describe(int status, char *to, size_t size);

/** Let go of the command: one that was not released never executes; one that was runs on. */
void spawn_deinit(struct spawn *s);
