// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collect/bpf_object.h"

/* Executable mappings in all, and 64 KiB pages of text in all: 4 GiB for a few processes, 16 GiB
 * for a machine. */
#define MAPPINGS_FEW  16384u
#define MAPPINGS_ALL  131072u
#define PAGES_FEW     65536u
#define PAGES_ALL     262144u

#define CHUNK_BYTES   (UNWIND_CHUNK_ROWS * sizeof(struct unwind_row))
#define SEGMENT_BYTES (CHUNK_BYTES * UNWIND_SEGMENT_CHUNKS)

int bpf_tables_configure(struct bpf_object *object, bool all, struct err *e)
{
	int rc = bpf_object_set_entries(object, "mappings", all ? MAPPINGS_ALL : MAPPINGS_FEW, e);

	return rc < 0 ? rc
		      : bpf_object_set_entries(object, "pages", all ? PAGES_ALL : PAGES_FEW, e);
}

/* One more segment of rows: an array of its own, put in the map of maps. Updates of that map wait
 * for RCU. */
static void *segment_grow(void *ctx, uint32_t index)
{
	struct bpf_tables *t = ctx;
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	if (index >= UNWIND_SEGMENTS)
		return NULL;
	if (t->segments[index])
		return t->segments[index];
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_rows", sizeof(uint32_t), CHUNK_BYTES,
				UNWIND_SEGMENT_CHUNKS, &opts);
	if (fd < 0)
		return NULL;
	size_t size;
	void *at = bpf_array_mmap(fd, UNWIND_SEGMENT_CHUNKS, CHUNK_BYTES, &size, NULL);
	if (at && bpf_map_update_elem(t->segments_fd, &index, &fd, BPF_ANY) < 0) {
		munmap(at, size);
		at = NULL;
	}
	/* The map of maps and our memory map hold on to it. */
	close(fd);
	t->segments[index] = at;
	return at;
}

static void *array_map(struct bpf_object *object, const char *name, size_t entries,
		       size_t value_size, size_t *size, struct err *e)
{
	return bpf_array_mmap(bpf_object_map_fd(object, name), entries, value_size, size, e);
}

int bpf_tables_init(struct bpf_tables *t, struct bpf_object *object, bool all, struct err *e)
{
	uint32_t pages_len = all ? PAGES_ALL : PAGES_FEW;

	t->segments_fd = bpf_object_map_fd(object, "segments");
	t->mappings_len = all ? MAPPINGS_ALL : MAPPINGS_FEW;
	t->mappings = array_map(object, "mappings", t->mappings_len, sizeof(*t->mappings),
				&t->mappings_size, e);
	t->pages = array_map(object, "pages", pages_len, sizeof(*t->pages), &t->pages_size, e);
	t->rules = array_map(object, "rules", UNWIND_RULES, sizeof(*t->rules), &t->rules_size, e);
	if (!t->mappings || !t->pages || !t->rules)
		return -ENOMEM;
	struct unwind_memory memory = {
		.pages = t->pages,
		.pages_len = pages_len,
		.rules = t->rules,
		.segment = segment_grow,
		.ctx = t,
	};
	return unwind_tables_create(&memory, &t->tables, e);
}

void bpf_tables_deinit(struct bpf_tables *t)
{
	unwind_tables_destroy(t->tables);
	if (t->mappings)
		munmap(t->mappings, t->mappings_size);
	if (t->pages)
		munmap(t->pages, t->pages_size);
	if (t->rules)
		munmap(t->rules, t->rules_size);
	for (uint32_t i = 0; i < UNWIND_SEGMENTS; i++)
		if (t->segments[i])
			munmap(t->segments[i], SEGMENT_BYTES);
}
