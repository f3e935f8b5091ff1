/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** From files to the one profile of a report: read, merge, subtract the base. */
#pragma once

#include "cmd/report_options.h"
#include "profile/profile.h"

/**
 * Read and merge the profiles of `paths` ("-": standard input). The caller owns *ret. Of several
 * files those that cannot be read are told to the user and left out; it is an error if none can.
 */
int report_load_files(const char *const *paths, size_t count, struct profile **ret, struct err *e);

/**
 * Read and merge the profiles of `paths` ("-": standard input), and subtract args->base. The caller
 * owns *ret.
 */
int report_load(const struct report_args *args, const char *const *paths, size_t count,
		struct profile **ret, struct err *e);
