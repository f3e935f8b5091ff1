/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Which metrics are judged, and all of a metric's runs compared. Private to this room. */
#pragma once

#include "base/vec.h"
#include "gate/comparison.h"

/* Owned by the policy or by runs. */
struct metric_names {
	const char **items;
	size_t len, cap;
};

/**
 * Those that the policy judges, else those that both sides have, in the order of the runs. -EINVAL
 * if the sides have none in common, -ENOMEM.
 */
int metric_names_init(struct metric_names *names, const struct gate_runs *runs,
		      const struct gate_policy *policy, struct err *e);
void metric_names_deinit(struct metric_names *names);

/** A comparison with what it stands on. */
struct metric_data {
	struct table table;
	struct comparison comparison;
	uint32_t *picks;
};

/**
 * Compare all runs of both sides; `metrics` is how many are judged. -EINVAL: a side has no run of
 * it. metric_data_deinit() in any case.
 */
int metric_data_init(struct metric_data *d, const struct gate_runs *runs,
		     const struct gate_policy *policy, const char *metric, size_t metrics,
		     struct err *e);
void metric_data_deinit(struct metric_data *d);
