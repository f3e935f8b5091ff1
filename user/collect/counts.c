// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/counts.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "collect/bpf_object.h"

#define BATCH 4096u

int counts_init(struct counts *c, struct bpf_object *object, uint32_t key_size, uint32_t value_size,
		uint32_t entries, struct err *e)
{
	uint32_t zero = 0;

	*c = COUNTS_EMPTY;
	c->key_size = key_size;
	c->value_size = value_size;
	c->slot_fd = bpf_object_map_fd(object, "counts_active");
	for (int i = 0; i < 2; i++) {
		c->fd[i] = bpf_map_create(BPF_MAP_TYPE_HASH, "counts", key_size, value_size,
					  entries, NULL);
		if (c->fd[i] < 0)
			return err_set(e, c->fd[i], "cannot create the hash of counts");
	}
	if (bpf_map_update_elem(c->slot_fd, &zero, &c->fd[0], BPF_ANY) < 0)
		return err_set(e, -errno, "cannot set the hash of counts");
	c->keys = calloc(BATCH, key_size);
	c->values = calloc(BATCH, value_size);
	return c->keys && c->values ? 0 : err_set(e, -ENOMEM, "cannot drain counts");
}

void counts_deinit(struct counts *c)
{
	for (int i = 0; i < 2; i++)
		if (c->fd[i] >= 0)
			close(c->fd[i]);
	free(c->keys);
	free(c->values);
}

int counts_swap(struct counts *c, struct err *e)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(c->slot_fd, &zero, &c->fd[!c->active], BPF_ANY) < 0)
		return err_set(e, -errno, "cannot swap the hashes of counts");
	c->active = !c->active;
	return 0;
}

int counts_drain(struct counts *c, counts_fn fn, void *ctx, struct err *e)
{
	int fd = c->fd[!c->active];
	uint32_t next = 0;
	bool first = true;

	for (;;) {
		uint32_t n = BATCH;
		int rc = bpf_map_lookup_and_delete_batch(fd, first ? NULL : &next, &next, c->keys,
							 c->values, &n, NULL);
		if (rc < 0 && errno != ENOENT)
			return err_set(e, -errno, "cannot drain the hash of counts");
		for (uint32_t i = 0; i < n; i++)
			fn(ctx, c->keys + (size_t)i * c->key_size,
			   c->values + (size_t)i * c->value_size);
		if (rc < 0)
			return 0;
		first = false;
	}
}
