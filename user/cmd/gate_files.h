/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Stored profiles as the gate's runs: found by patterns, read and reduced by several threads. */
#pragma once

#include "base/err.h"
#include "cmd/gate_merge.h"
#include "cmd/gate_options.h"
#include "gate/policy.h"
#include "gate/runs.h"

/**
 * Add the profiles of o->patterns to `runs`, and to `merge` unless that is NULL. Patterns are
 * glob(7)'s, with {a,b} and ~; files that several match count once. With o->self those of the base
 * are dealt to both sides in turn, in the order of the patterns and of their names.
 *
 * -ENOENT: a pattern matches nothing. -EINVAL: a file is on both sides, or tells nothing of a
 * metric, or of its work. Or what reading says; the message names the file. *untestable: it is the
 * new side's profiles that failed.
 */
int gate_files_load(const struct gate_options *o, const struct gate_policy *policy,
		    struct gate_runs *runs, struct gate_merge *merge, bool *untestable,
		    struct err *e);
