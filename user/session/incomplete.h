/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Why stacks are incomplete, and in which file their walk ended. */
#pragma once

#include "base/vec.h"
#include "collect/files.h"
#include "collect/samples.h"
#include "session/session.h"

/** Zeroed storage is an empty list. */
struct incomplete {
	vec_of(struct session_incomplete) rows; /* most samples first */
};

void incomplete_deinit(struct incomplete *list);

/** Replace the list by what `samples` hold; strings live as long as `files`. Out of memory leaves
 * rows out. */
void incomplete_fill(struct incomplete *list, const struct samples *samples,
		     const struct code_files *files);

/** A few words for an enum unwind_end. */
const char *incomplete_reason(uint16_t end);
