/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What the tests of a comparison mean. Private to this room; judge.h has the rules. */
#pragma once

#include "gate/comparison.h"
#include "gate/context.h"

/* How much runs are taken to vary where too few show it: a coefficient of variation. */
#define FINDINGS_RUN_CV 0.05

struct finding {
	struct gate_change own, cum;
	int own_sign, cum_sign; /* +1, -1: changed significantly and past the floors */
	enum gate_state state;
	bool by_cum;
	/* By whom most of the change came: a function, comparison.count: the root, or NONE. */
	uint32_t caller;
	double caller_part;
	uint32_t through; /* a folded function that most of an own rise is in, or NONE */
};

struct findings {
	struct finding *functions; /* by number of a judged function */
	struct gate_change total;
	enum gate_state total_state;
	struct gate_change moved; /* of all that changed significantly, summed up; p NAN: nothing */
	enum gate_outcome outcome; /* if nothing stands against a verdict */
	uint32_t culprit;          /* a function, or COMPARISON_NONE */
	bool by_counts;            /* too few runs: p and q are those of counts */
	struct context context;    /* zeroed if it was neither needed nor wanted */
};

/**
 * Find, in a comparison that was tested. Contexts are made if anything changed, or always if
 * `wanted`. 0 or -ENOMEM; findings_deinit() in any case.
 */
int findings_init(struct findings *f, const struct comparison *c, bool wanted, struct err *e);
void findings_deinit(struct findings *f);

/** Put the p of counts in the place of those that too few runs cannot have. 0 or -ENOMEM. */
int findings_count(struct findings *f, const struct comparison *c, struct err *e);
