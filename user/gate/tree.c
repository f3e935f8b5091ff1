// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/tree.h"

#include <errno.h>
#include <stdlib.h>

enum { SIZE_MIN = 1024 };

void tree_deinit(struct tree *t)
{
	free(t->slots);
	*t = (struct tree){ 0 };
}

/* Fibonacci hashing: the upper bits of a product are those that all of the key reaches. */
static size_t first_slot(const struct tree *t, uint32_t parent, uint32_t function)
{
	uint64_t key = (uint64_t)parent << 32 | function;

	return (size_t)((key * 0x9e3779b97f4a7c15) >> 32) & (t->size - 1);
}

/* Where a node is, or the free slot where it goes; at most half of all are taken. */
static struct tree_slot *find_slot(const struct tree *t, uint32_t parent, uint32_t function)
{
	size_t at = first_slot(t, parent, function);

	while (t->slots[at].node &&
	       (t->slots[at].parent != parent || t->slots[at].function != function))
		at = (at + 1) & (t->size - 1);
	return &t->slots[at];
}

static int resize(struct tree *t, const struct gate_run *run, size_t size)
{
	struct tree larger = { .size = size, .slots = run_zeroed(size, sizeof(*larger.slots)) };

	if (!larger.slots)
		return -ENOMEM;
	for (uint32_t i = 1; i < run->nodes.len; i++) {
		const struct run_node *n = &run->nodes.items[i];
		*find_slot(&larger, n->parent, n->function) =
			(struct tree_slot){ n->parent, n->function, i };
	}
	tree_deinit(t);
	*t = larger;
	return 0;
}

int tree_init(struct tree *t, struct gate_run *run, size_t samples)
{
	size_t size = SIZE_MIN;

	while (size / 2 < samples)
		size *= 2;
	*t = (struct tree){ 0 };
	if (vec_push(&run->nodes, (struct run_node){ RUN_NONE, RUN_NONE }) < 0)
		return -ENOMEM;
	return resize(t, run, size);
}

int tree_step(struct tree *t, struct gate_run *run, uint32_t *node, uint32_t function)
{
	struct tree_slot *slot = find_slot(t, *node, function);

	if (slot->node) {
		*node = slot->node;
		return 0;
	}
	if (run->nodes.len >= t->size / 2) {
		if (resize(t, run, 2 * t->size) < 0)
			return -ENOMEM;
		slot = find_slot(t, *node, function);
	}
	if (vec_push(&run->nodes, (struct run_node){ *node, function }) < 0)
		return -ENOMEM;
	*slot = (struct tree_slot){ *node, function, (uint32_t)run->nodes.len - 1 };
	*node = slot->node;
	return 0;
}
