/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * From a collector's frames to the mappings and locations of a profile, and their names: one
 * mapping for each file and segment, with the addresses of the first process seen.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "collect/files.h"
#include "collect/stacks.h"
#include "profile/profile.h"
#include "symbolize/symbolize.h"

struct locations {
	struct profile *profile;                 /* borrowed */
	const struct code_files *files;          /* borrowed */
	struct map mappings;                     /* file and range -> index in the profile */
	vec_of(struct symbolize_source) sources; /* what stands behind each mapping */
	vec_of(uint32_t) stack;
	int error; /* sticky */
};

void locations_init(struct locations *l, struct profile *p, const struct code_files *files);
void locations_deinit(struct locations *l);

/** Add the mappings of a file now: the first one of a profile is its main binary. */
void locations_add_file(struct locations *l, const struct code_file *file);

/** The locations of a stack, leaf first; they live until the next call. */
const uint32_t *locations_of(struct locations *l, const struct stacks *stacks,
			     const struct sample_stack *stack, size_t *len);

/** Name all locations, if `symbols`; *stats tells which got no name. 0, or why the profile is unfit
 * for use. */
int locations_symbolize(struct locations *l, bool symbols, struct symbolize_stats *stats,
			struct err *e);
