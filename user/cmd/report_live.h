/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** A profile of a live process, for the reports. */
#pragma once

#include "base/err.h"
#include "profile/profile.h"
#include "session/session.h"

/**
 * Capture as `cprofbpf cpu` or `heap` would with these words (argv[0] is the verb's name,
 * argv[argc] NULL), say its figures, and hand the profile over: the caller owns *ret. It lasts
 * until -d is over, a signal, or the end of the targets.
 */
int report_live(enum session_kind kind, int argc, char **argv, struct profile **ret, struct err *e);
