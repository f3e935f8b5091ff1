/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Why stacks are incomplete, and in which file their walk ended. */
#pragma once

#include "abi/sample.h"
#include "base/vec.h"
#include "collect/files.h"
#include "collect/stacks.h"
#include "session/session.h"

/** Zeroed storage is an empty list. */
struct incomplete {
	vec_of(struct session_incomplete) rows; /* most samples first */
};

void incomplete_deinit(struct incomplete *list);

/** Add `n` samples whose walk did not reach its root, by the key's end; strings live as long as
 * `files`. Out of memory leaves rows out. */
void incomplete_add(struct incomplete *list, const struct sample_key *key,
		    const struct stacks *stacks, const struct code_files *files, uint64_t n);

/** Put most samples first. */
void incomplete_sort(struct incomplete *list);

/** A few words for an enum unwind_end. */
const char *incomplete_reason(uint16_t end);
