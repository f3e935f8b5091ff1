/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Two hashes of counts: BPF fills one, user space drains the other.
 *
 * BPF finds the one in use behind the single slot of its map `counts_active`. Swapping them waits
 * for an RCU grace period, after which nobody writes to the old one: no count is lost.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

struct bpf_object;

struct counts {
	int fd[2], active; /* the two hashes, and which of them BPF fills */
	int slot_fd;       /* borrowed */
	uint32_t key_size, value_size;
	char *keys, *values; /* a batch of each */
};

typedef void (*counts_fn)(void *ctx, const void *key, const void *value);

/** Nothing to free yet. */
#define COUNTS_EMPTY ((struct counts){ .fd = { -1, -1 } })

/** Make both, of `entries` each, and put the first one in its place. counts_deinit() in any case.
 */
int counts_init(struct counts *c, struct bpf_object *object, uint32_t key_size, uint32_t value_size,
		uint32_t entries, struct err *e);
void counts_deinit(struct counts *c);

/** Let BPF fill the other one. 0, or a negative errno: then nothing has changed. */
int counts_swap(struct counts *c, struct err *e);

/** Empty the one that BPF no longer writes to. */
int counts_drain(struct counts *c, counts_fn fn, void *ctx, struct err *e);
