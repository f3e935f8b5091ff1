/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What a profile is written as, by the name of the file. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "profile/profile.h"

/**
 * Append the profile in the form that `path` asks for by its end: ".svg" a flame graph, ".folded"
 * collapsed stacks, ".json" for speedscope, ".txt" the top table, anything else (or NULL)
 * profile.proto, gzipped. `p` is changed by all but the last.
 */
int report_named(struct profile *p, const char *path, struct buf *out, struct err *e);
