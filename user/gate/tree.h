/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Growing a run's call tree. Private to this room. */
#pragma once

#include "gate/runs_impl.h"

/* Nodes by parent and function: hashed, open addressing. */
struct tree {
	struct tree_slot {
		uint32_t parent, function, node; /* node 0, the root: free */
	} * slots;
	size_t size; /* a power of two */
};

/** Put the root of a run of so many samples. 0 or -ENOMEM; tree_deinit() in any case. */
int tree_init(struct tree *t, struct gate_run *run, size_t samples);
void tree_deinit(struct tree *t);

/** Set *node to its child that is a call of `function`, made if it is new. 0 or -ENOMEM. */
int tree_step(struct tree *t, struct gate_run *run, uint32_t *node, uint32_t function);
