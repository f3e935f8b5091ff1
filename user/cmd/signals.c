// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/signals.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/output.h"

/* Wrappers (npm, docker) pass on the SIGINT that the terminal has sent to us already. */
#define SAME_KEY_NS (NS_PER_SEC / 5)

static volatile sig_atomic_t stop, snapshot;
static const struct output *volatile guarded;
static uint64_t first_ns; /* written before `stop` is, read after */

static void give_up(void)
{
	static const char message[] = "\ncprofbpf: given up, nothing is written\n";

	if (guarded && guarded->temp[0])
		unlinkat(guarded->dir_fd, guarded->temp, 0);
	if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
		_exit(CMD_FAILURE);
	_exit(CMD_FAILURE);
}

/* Only what is safe in a signal handler: signal-safety(7). */
static void on_stop(int number)
{
	if (stop && number == SIGINT && clock_mono_ns() - first_ns > SAME_KEY_NS)
		give_up();
	if (!stop) {
		first_ns = clock_mono_ns();
		stop = 1;
	}
}

static void on_child(int number)
{
	(void)number;
}

static void on_snapshot(int number)
{
	(void)number;
	snapshot = 1;
}

void signals_install(bool snapshots)
{
	struct sigaction action = { .sa_handler = on_stop }, old;
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	action.sa_mask = ours;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
	action.sa_handler = on_child;
	sigaction(SIGCHLD, &action, NULL);
	action.sa_handler = on_snapshot;
	if (snapshots)
		sigaction(SIGUSR1, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGXFSZ, &action, NULL);
	sigaddset(&ours, SIGCHLD);
	if (snapshots)
		sigaddset(&ours, SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &ours, NULL);
}

bool signals_stop(void)
{
	return stop;
}

bool signals_snapshot(void)
{
	bool asked = snapshot;

	snapshot = 0;
	return asked;
}

void signals_guard(const struct output *o)
{
	guarded = o;
}
