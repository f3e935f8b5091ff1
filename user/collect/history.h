/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What code a process had mapped when, by the side band: for samples that are older than what /proc
 * says now.
 *
 * A base (what /proc said once, or the parent's mappings at the fork), the records since, and the
 * time of the last exec. Not thread-safe. Zeroed storage is an empty history.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/unwind.h"
#include "base/vec.h"

/** A vector of mappings, sorted by start, without overlaps. */
struct mapping_list {
	struct unwind_mapping *items;
	size_t len, cap;
};

/** Replace the contents of a list by another's; 0 or -ENOMEM. */
int mapping_list_copy(struct mapping_list *to, const struct mapping_list *from);

/** Put a mapping in its place, over what it overlaps. */
void mapping_list_put(struct mapping_list *list, const struct unwind_mapping *m);

/** Whether other code than that of `m` lies where it is mapped. */
bool mapping_list_differs(const struct mapping_list *list, const struct unwind_mapping *m);

struct history_record {
	uint64_t time_ns;
	struct unwind_mapping mapping;
};

struct history {
	struct mapping_list base;
	uint64_t base_ns; /* the base holds from then on */
	uint64_t exec_ns; /* when the process last began another program; 0: never */
	vec_of(struct history_record) records; /* in the order in which they came */
};

void history_deinit(struct history *h);
void history_clear(struct history *h);

/** The process has `list` mapped since `time_ns`; older records count no more. */
void history_rebase(struct history *h, const struct mapping_list *list, uint64_t time_ns);

void history_add(struct history *h, uint64_t time_ns, const struct unwind_mapping *m);

/** It begins another program, with no mappings yet. The old one stays for samples on their way. */
void history_exec(struct history *h, uint64_t time_ns);

/** What was mapped at `time_ns`: replaces *ret. */
void history_recall(const struct history *h, uint64_t time_ns, struct mapping_list *ret);

/** Nobody asks for times before `time_ns` any more: make the records up to then the base. */
void history_fold(struct history *h, uint64_t time_ns);
