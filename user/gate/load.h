/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Runs from files: decoding and reducing many profiles at once. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "gate/runs.h"

/** A profile in a file, and which run it is of. */
struct gate_file {
	const char *path; /* facts.source is this where it is NULL */
	enum gate_side side;
	struct gate_facts facts;
};

/**
 * Decode, reduce and add each file, in order. Uses as many threads as there are processors, and in
 * each the memory of one profile. On failure the runs hold none, some or all of the files. Errors
 * are those of open(), profile_decode_fd(), gate_run_reduce() and gate_runs_add(), of the first
 * file that has one, with its name.
 */
int gate_runs_load(struct gate_runs *runs, const struct gate_file *files, size_t count,
		   const struct gate_policy *policy, struct err *e);
