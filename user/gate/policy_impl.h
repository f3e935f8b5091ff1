/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What setting a policy by options and by files shares. Private to this room. */
#pragma once

#include "gate/policy.h"

enum policy_kind {
	POLICY_NUMBER,
	POLICY_INTEGER, /* uint64_t */
	POLICY_PERCENT, /* "5%", stored as 0.05 */
	POLICY_BOOL,
};

/** A plain value of a policy, or of a set of floors. */
struct policy_key {
	const char *name;
	enum policy_kind kind;
	size_t offset;
	double low, high; /* what a number may be, both included */
};

/** NULL if there is no such key. Names are those of the file. */
const struct policy_key *policy_key_find(const char *name);
const struct policy_key *policy_floor_find(const char *name);

/**
 * Parse a value and store it at `base`, a struct gate_policy or gate_floors. -EINVAL with a message
 * that quotes the text.
 */
int policy_key_store(const struct policy_key *key, void *base, const char *text, struct err *e);

/** The floors of a metric, added if new; NULL: out of memory. */
struct gate_metric_policy *policy_metric(struct gate_policy *p, const char *name);

/** Add a pattern as number `at` of p->functions. */
int policy_function_add(struct gate_policy *p, size_t at, const char *pattern,
			struct gate_floors floors, struct err *e);
int policy_ignore_add(struct gate_policy *p, const char *pattern, struct err *e);
