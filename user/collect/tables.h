/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The unwind tables in BPF's memory: arrays mapped into ours, and segments of rows that grow as
 * files come. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "abi/unwind.h"
#include "base/err.h"
#include "unwind/tables.h"

struct bpf_object;

struct bpf_tables {
	struct unwind_mapping *mappings;
	uint32_t mappings_len;
	struct unwind_tables *tables;
	struct unwind_page *pages;
	struct unwind_rule *rules;
	size_t mappings_size, pages_size, rules_size; /* of the memory maps, in bytes */
	int segments_fd;                              /* the map of maps */
	void *segments[UNWIND_SEGMENTS];
};

/** Set the sizes of the maps before `object` is loaded, for `all` processes of the machine or a
 * few. */
int bpf_tables_configure(struct bpf_object *object, bool all, struct err *e);

/** Map the arrays of the loaded object. *t is zeroed storage; bpf_tables_deinit() in any case. */
int bpf_tables_init(struct bpf_tables *t, struct bpf_object *object, bool all, struct err *e);
void bpf_tables_deinit(struct bpf_tables *t);
