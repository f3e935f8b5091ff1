/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What stands against a verdict, and what is worth knowing. Private to this room. */
#pragma once

#include "gate/comparison.h"
#include "gate/findings.h"
#include "gate/judge.h"

/** Runs that see a change: the power asked for everywhere. */
#define REASONS_POWER 0.9

/** A text that lives as long as the verdict; "" if out of memory, which the verdict remembers. */
const char *verdict_printf(struct gate_verdict *v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** How totals vary from run to run within the sides, relative to their means; NAN: not known. */
double reasons_variation(const struct comparison *c);

/**
 * Fill m->reasons, m->notes, m->visible and m->rusage. 0 or -ENOMEM. The metric's other fields are
 * set.
 */
int reasons_find(struct gate_verdict *v, struct gate_metric *m, const struct comparison *c,
		 struct err *e);

/** Whether a reason rules out an outcome: some are no matter to a regression that was found. */
bool reasons_forbid(const struct gate_metric *m, enum gate_outcome outcome);
