/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#pragma once

#include "profile/profile.h"
#include "report/options.h"

/** Blot out of a profile what the granularity does not tell apart. */
void aggregate(struct profile *p, const struct report_options *o);
