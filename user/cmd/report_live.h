/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** A profile of a live process, for the reports. */
#pragma once

#include "base/err.h"
#include "profile/profile.h"

/**
 * Capture as `cprofbpf cpu` would with these words (argv[0] is a verb's name, argv[argc] NULL), and
 * hand the profile over: the caller owns *ret. It lasts until -d is over, a signal, or the end of
 * the targets.
 */
int report_live(int argc, char **argv, struct profile **ret, struct err *e);
