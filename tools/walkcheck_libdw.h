/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Walks recorded stacks by libdwfl: an unwinder independent of ours. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "walkcheck_perf.h"

struct libdw_walker;

/** Take up the process's mappings as they are now; freed with libdw_walker_destroy(). */
int libdw_walker_create(pid_t pid, struct libdw_walker **ret, struct err *e);
void libdw_walker_destroy(struct libdw_walker *w);

/** Walk a sample: pcs[] gets the leaf's PC and its callers' return addresses - 1, leaf first.
 * Returns how many. */
size_t libdw_walker_walk(struct libdw_walker *w, const struct stack_sample *sample, uint64_t *pcs,
			 size_t max);
