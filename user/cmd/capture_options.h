/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What to capture and how, as said on the command line. Parsing looks at the words alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "proc/tree.h"
#include "session/session.h"

#define CAPTURE_HZ_DEFAULT       100
#define CAPTURE_HZ_MAX           10000

#define CAPTURE_RATE_DEFAULT     (512 << 10)
#define CAPTURE_RATE_MAX         (1 << 30)
#define CAPTURE_MAX_LIVE_DEFAULT (256 << 10)
#define CAPTURE_MAX_LIVE_MIN     1024
#define CAPTURE_MAX_LIVE_MAX     (64 << 20)

struct capture_options {
	enum session_kind kind;

	/* Exactly one of these three, unless `help`. */
	struct pid_list pids; /* in the order given, each once */
	bool all;
	char **command; /* points into argv, ends with NULL */

	bool children;
	bool user_only, no_symbols;
	bool quiet, verbose, help;
	uint64_t duration_ns; /* 0: until the end */
	uint32_t hz;
	struct session_heap_options heap;
	uint32_t labels;    /* SESSION_LABEL_* */
	const char *output; /* points into argv; NULL: by default naming; "-": standard output */
};

/**
 * Parse argv[1..]; argv[0] is not looked at. -EINVAL with a message about the first thing that is
 * wrong, also an option of another kind. *ret is freed with capture_options_deinit() in either
 * case, and must not outlive argv. Not thread-safe: getopt_long(3).
 */
int capture_options_parse(enum session_kind kind, int argc, char **argv,
			  struct capture_options *ret, struct err *e);

void capture_options_deinit(struct capture_options *o);
