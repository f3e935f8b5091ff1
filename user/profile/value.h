/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Which value of the samples is meant, and which samples are a base's. */
#pragma once

#include "base/err.h"
#include "profile/profile.h"

/** The label that marks the samples of a base in a difference. */
#define PROFILE_BASE_LABEL "pprof::base"

/**
 * The number of a sample type by its name ("inuse_" may be left out: "space"), by a decimal number,
 * or, without a name, the default: default_sample_type, else the last. -EINVAL if there is none.
 */
int profile_value_by_name(const struct profile *p, const char *name, size_t *ret, struct err *e);

/** Whether a sample carries PROFILE_BASE_LABEL. */
bool profile_is_base(const struct profile *p, size_t sample);
