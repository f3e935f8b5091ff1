/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What the gate is asked to hold: levels, floors, patterns. From .cprofbpf-gate.json and from
 * options, which say the same things by the same names.
 *
 *     {
 *       "alpha": 0.002,                 level of all tests together, in (0, 0.5)
 *       "total_floor": "1%",            a total fails from this rise on
 *       "relative_floor": "5%",         a function fails from this rise of itself on ...
 *       "absolute_floor": "1%",         ... that is also this much of the total
 *       "min_share": "1%",              lighter functions count as their callers'
 *       "resolution": "10%",            no pass where a rise of the total by this could hide
 *       "min_samples": 100,             no verdict from runs with fewer samples, unless they
 *                                     are all that happened
 *       "metrics": {                    judged metrics, and floors of their own (all optional)
 *         "cpu": { "total_floor": "2%" }, "alloc_space": {}
 *       },
 *       "functions": {                  floors of functions that match, the first match counts
 *         "^Parser::": "2%",            of itself; no absolute floor, and the total is not asked
 *         "^Cache::": { "relative_floor": "3%", "absolute_floor": "0.5%" }
 *       },
 *       "ignore": ["^gc_"],             weighed, but never judged
 *       "strict": false,                functions that rose fail though the total did not rise
 *       "seed": 1                       of everything random
 *     }
 *
 * Patterns are unanchored regular expressions (report/regex.h) over normalised names (normalize.h).
 * Percentages are strings, so that nobody has to guess what 2 means. Everything unknown, twice said
 * or out of its range is an error that names the file's line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"

#define GATE_POLICY_FILE ".cprofbpf-gate.json"

struct regex;

/** Fractions: 0.05 is 5%. */
struct gate_floors {
	double total, relative, absolute;
};

struct gate_metric_policy {
	char *name; /* a sample type: "cpu", "alloc_space"; owned */
	bool judged;
	struct gate_floors floors; /* NAN: the policy's */
};

struct gate_function_policy {
	struct regex *pattern;     /* owned */
	struct gate_floors floors; /* total is unused */
};

struct gate_policy {
	double alpha;
	double alpha_spent; /* by earlier looks at the same runs, see looks.h; not in files */
	struct gate_floors floors;
	double min_share;
	double resolution;
	double min_samples;
	bool strict;
	uint64_t seed;
	vec_of(struct gate_metric_policy) metrics; /* none judged: see runs.h */
	vec_of(struct gate_function_policy) functions;
	vec_of(struct regex *) ignore;
};

/** The defaults, those above with no metrics and no patterns. */
void gate_policy_init(struct gate_policy *p);
void gate_policy_deinit(struct gate_policy *p);

/**
 * Read a policy file's text over what `p` holds; `name` is the file's in errors ("NAME:LINE:
 * unknown key 'alhpa'"). -EINVAL: it is no policy; `p` may then hold a part of it. -ENOMEM.
 */
int gate_policy_parse(struct gate_policy *p, const char *text, size_t len, const char *name,
		      struct err *e);

/** As gate_policy_parse(), of a file; also the errno of a failed open or read (-ENOENT). */
int gate_policy_load(struct gate_policy *p, const char *path, struct err *e);

/**
 * Set one thing as an option says it: keys and values as in the file, with
 *
 *     metrics     "cpu,alloc_space": judge these, and only these
 *     metrics     "cpu=2%": ... with a total_floor of its own
 *     functions   "^Parser::=2%": asked before those that are there; the last '=' counts
 *     ignore      "^gc_": one more
 *     strict      "true" or "false"
 *
 * -EINVAL: no such key, or not a value of it.
 */
int gate_policy_set(struct gate_policy *p, const char *key, const char *value, struct err *e);

/** The floors of a metric's total and functions. */
struct gate_floors gate_policy_metric_floors(const struct gate_policy *p, const char *metric);

/**
 * The floors of a function: its pattern's, else the metric's. *own (if given) tells whether it was
 * a pattern's.
 */
struct gate_floors gate_policy_function_floors(const struct gate_policy *p, const char *metric,
					       const char *function, bool *own);

bool gate_policy_ignores(const struct gate_policy *p, const char *function);
