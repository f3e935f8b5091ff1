/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The lines of a source file. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

struct source {
	char *bytes;
	char **lines; /* NUL-terminated, without their ends; numbered from 0 */
	size_t line_count;
};

/**
 * Find and read a source file. A relative name is looked for in each directory of `path` (separated
 * by colons) and in all their parents, after path_trim(). 0, -ENOMEM, or another negative errno
 * with pprof's words about it in `problem`. The caller frees with source_deinit().
 */
int source_load(struct source *s, const char *name, const char *path, const char *trim,
		struct buf *problem);
void source_deinit(struct source *s);
