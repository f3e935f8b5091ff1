/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Looking at the runs before all are there: the estimate so far, and an early end when a regression
 * of the total is clear.
 *
 * A quarter of alpha is shared out equally among at most two early looks, at fixed numbers of runs;
 * the last test has what is left. By Bonferroni's inequality the error rate stays below alpha,
 * whatever the looks depend on. O'Brien and Fleming's boundaries (Biometrics 35, 1979) would give
 * early looks less than a permutation test of so few runs can reach (8+8: 2/C(16,8) = 0.000155),
 * and a test after every run (Wald's SPRT, mixture martingales) has to assume a distribution.
 *
 * Only a regression ends early. A pass is worth as much as the runs behind it, so those asked for
 * are made.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "gate/policy.h"
#include "gate/runs.h"

#define GATE_LOOKS_MAX 2

struct gate_plan {
	size_t count;                /* of early looks; 0: too few runs for any */
	size_t runs[GATE_LOOKS_MAX]; /* a side, at each */
	double alpha[GATE_LOOKS_MAX];
	double spent; /* by all of them: policy.alpha_spent of the last judgement */
};

/** Plan the looks at `runs` runs a side of `metrics` metrics at level `alpha`. */
void gate_plan_init(struct gate_plan *plan, size_t runs, double alpha, size_t metrics);

struct gate_look {
	size_t base_runs, new_runs;
	double ratio, low, high; /* of the total, with its 95% interval; NAN: not yet known */
	double p;
	bool regressed; /* p is at most `alpha` / metrics and the rise past the total's floor */
};

/** Look at the total of one metric so far. -ENOENT: a side has no run of it yet. */
int gate_look(const struct gate_runs *runs, const struct gate_policy *policy, const char *metric,
	      double alpha, struct gate_look *ret, struct err *e);
