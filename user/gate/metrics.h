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

/** Whether every event was counted in the picked runs, none sampled. */
bool metric_is_counted(const struct table *t, const uint32_t *picks, size_t len);

/** A comparison with what it stands on. */
struct metric_data {
	struct table table;
	struct comparison comparison;
	uint32_t *picks;
};

/**
 * Of picked runs, those of the base first, leave out the few whose totals are far from the others'
 * (stats/far.h): up to a fifth of all and half of the smaller side; none if there are more, or
 * where every event was counted. Which side a run is of plays no part in it, so that those left are
 * as exchangeable as all were. 0 or -ENOMEM.
 */
int metric_set_aside(const struct table *t, uint32_t *picks, size_t *base_len, size_t *new_len,
		     struct err *e);

/**
 * Compare the runs of both sides, but for those that are set aside; `metrics` is how many are
 * judged. -EINVAL: a side has no run of it. metric_data_deinit() in any case.
 */
int metric_data_init(struct metric_data *d, const struct gate_runs *runs,
		     const struct gate_policy *policy, const char *metric, size_t metrics,
		     struct err *e);
void metric_data_deinit(struct metric_data *d);
