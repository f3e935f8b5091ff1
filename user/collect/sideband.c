// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/sideband.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "proc/privilege.h"

#define RING_PAGES 16 /* per CPU: some 400 records between two looks, a tenth of a second apart */

struct sideband {
	struct perf_buffer *buffer;
	int map_fd; /* libbpf keeps its event descriptors in a map; no program uses it */
	sideband_fn fn;
	void *ctx;
};

/* PERF_RECORD_MMAP2 behind its header (perf_event_open(2)); the file name follows. */
struct record_mmap2 {
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t major, minor;
	uint64_t inode, inode_generation;
	uint32_t prot, flags;
};

static void mapping_handle(struct sideband *s, struct cursor body, uint64_t time_ns)
{
	struct record_mmap2 r;
	struct sideband_record to = { .time_ns = time_ns };

	if (!cursor_read(&body, &r, sizeof(r)) || !cursor_cstr(&body, &to.mapping.path))
		return;
	to.pid = (pid_t)r.pid;
	to.mapping.start = r.addr;
	to.mapping.end = r.addr + r.len;
	to.mapping.pgoff = r.pgoff;
	to.mapping.inode = r.inode;
	to.mapping.dev_major = r.major;
	to.mapping.dev_minor = r.minor;
	to.mapping.flags = PROC_MAPPING_READ | PROC_MAPPING_EXEC;
	s->fn(s->ctx, &to);
}

static void exec_handle(struct sideband *s, struct cursor body, uint64_t time_ns)
{
	uint32_t pid;

	if (cursor_u32(&body, &pid))
		s->fn(s->ctx, &(struct sideband_record){
				      .pid = (pid_t)pid, .time_ns = time_ns, .executes = true });
}

static enum bpf_perf_event_ret record_handle(void *ctx, int cpu, struct perf_event_header *header)
{
	struct sideband *s = ctx;
	struct cursor c = cursor_init(header, header->size), body;
	uint64_t time_ns; /* the last word of each record */

	(void)cpu;
	if (!cursor_skip(&c, sizeof(*header)) || cursor_left(&c) < sizeof(time_ns) ||
	    !cursor_sub(&c, cursor_left(&c) - sizeof(time_ns), &body) || !cursor_u64(&c, &time_ns))
		return LIBBPF_PERF_EVENT_CONT;
	if (header->type == PERF_RECORD_MMAP2)
		mapping_handle(s, body, time_ns);
	else if (header->type == PERF_RECORD_COMM && (header->misc & PERF_RECORD_MISC_COMM_EXEC))
		exec_handle(s, body, time_ns);
	else if (header->type == PERF_RECORD_LOST)
		s->fn(s->ctx, NULL);
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
		.comm = 1,
		.comm_exec = 1,
		.watermark = 1,
		.wakeup_watermark = 1, /* the first record wakes */
		.sample_type = PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
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

int sideband_fd(const struct sideband *s)
{
	return perf_buffer__epoll_fd(s->buffer);
}
