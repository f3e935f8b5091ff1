// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/sideband.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/privilege.h"

#define RING_PAGES 16 /* per CPU: some 500 records between two looks, a tenth of a second apart */

struct sideband {
	struct perf_buffer *buffer;
	int map_fd; /* libbpf keeps its event descriptors in a map; no program uses it */
	sideband_fn fn;
	void *ctx;
};

/* The fixed head of PERF_RECORD_MMAP2 (perf_event_open(2)). */
struct record_mmap2 {
	struct perf_event_header header;
	uint32_t pid, tid;
};

static enum bpf_perf_event_ret record_handle(void *ctx, int cpu, struct perf_event_header *header)
{
	struct sideband *s = ctx;

	(void)cpu;
	if (header->type == PERF_RECORD_MMAP2 && header->size >= sizeof(struct record_mmap2))
		s->fn(s->ctx, (pid_t)((struct record_mmap2 *)header)->pid);
	else if (header->type == PERF_RECORD_LOST)
		s->fn(s->ctx, 0);
	return LIBBPF_PERF_EVENT_CONT;
}

int sideband_open(sideband_fn fn, void *ctx, struct sideband **ret, struct err *e)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.size = sizeof(attr),
		.mmap = 1,
		.mmap2 = 1,
		.watermark = 1,
		.wakeup_watermark = 1U << 30, /* nobody sleeps on it */
	};
	struct sideband *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, "cannot follow mappings");
	s->fn = fn;
	s->ctx = ctx;
	s->map_fd = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "sideband", sizeof(int),
				   sizeof(int), (uint32_t)libbpf_num_possible_cpus(), NULL);
	if (s->map_fd >= 0)
		s->buffer =
			perf_buffer__new_raw(s->map_fd, RING_PAGES, &attr, record_handle, s, NULL);
	if (!s->buffer) {
		struct privilege privilege;
		int rc = s->map_fd < 0 ? s->map_fd : -errno;
		sideband_close(s);
		privilege_read(&privilege);
		return privilege_explain_perf(&privilege, rc, e);
	}
	*ret = s;
	return 0;
}

void sideband_close(struct sideband *s)
{
	if (!s)
		return;
	perf_buffer__free(s->buffer);
	if (s->map_fd >= 0)
		close(s->map_fd);
	free(s);
}

void sideband_consume(struct sideband *s)
{
	perf_buffer__consume(s->buffer);
}
