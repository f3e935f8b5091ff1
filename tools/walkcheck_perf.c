// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "walkcheck_perf.h"

#include <asm/perf_regs.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/vec.h"

#define RING_BYTES  (8u << 20) /* a hundred samples */
#define STACK_BYTES 65528u     /* the most that the kernel takes: a multiple of 8 below 64 KiB */
#define RECORD_MAX  (1u << 16)

/* The general registers and the instruction pointer, in the order in which perf writes them. */
#define REGS_LEN 17
#define REGS_MASK                                                                                  \
	(((1ULL << PERF_REG_X86_IP) | ((1ULL << PERF_REG_X86_IP) - 1)) | 0xffULL << PERF_REG_X86_R8)

struct ring {
	int fd;
	struct perf_event_mmap_page *head;
};

struct recorder {
	pid_t pid;
	vec_of(struct ring) rings; /* by CPU */
	vec_of(struct pollfd) polls;
	size_t next; /* the ring to look at first */
	uint8_t record[RECORD_MAX];
};

static int ring_open(struct recorder *r, int cpu, uint32_t hz, struct err *e)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = NS_PER_SEC / hz,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER,
		.sample_regs_user = REGS_MASK,
		.sample_stack_user = STACK_BYTES,
		.watermark = 1,
		.wakeup_watermark = RING_BYTES / 8,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return err_set(e, -errno, "cannot sample CPU %d", cpu);
	void *memory = mmap(NULL, RING_BYTES + (size_t)sysconf(_SC_PAGESIZE),
			    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		int rc = err_set(e, -errno, "cannot map the samples of CPU %d", cpu);
		close(fd);
		return rc;
	}
	if (vec_push(&r->rings, (struct ring){ fd, memory }) < 0 ||
	    vec_push(&r->polls, (struct pollfd){ .fd = fd, .events = POLLIN }) < 0)
		return err_set(e, -ENOMEM, "cannot sample CPU %d", cpu);
	return 0;
}

int recorder_open(pid_t pid, uint32_t hz, struct recorder **ret, struct err *e)
{
	struct recorder *r = calloc(1, sizeof(*r));
	int rc = r ? 0 : err_set(e, -ENOMEM, "cannot record");

	if (r)
		r->pid = pid;
	for (int cpu = 0; rc == 0 && cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++)
		rc = ring_open(r, cpu, hz, e);
	if (rc < 0) {
		recorder_close(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void recorder_close(struct recorder *r)
{
	if (!r)
		return;
	vec_for_each(ring, &r->rings) {
		munmap(ring->head, RING_BYTES + (size_t)sysconf(_SC_PAGESIZE));
		close(ring->fd);
	}
	vec_deinit(&r->rings);
	vec_deinit(&r->polls);
	free(r);
}

static void ring_copy(const struct ring *ring, uint64_t from, void *to, size_t len)
{
	const uint8_t *data = (const uint8_t *)ring->head + ring->head->data_offset;
	size_t at = from % RING_BYTES, first = RING_BYTES - at < len ? RING_BYTES - at : len;

	memcpy(to, data + at, first);
	memcpy((uint8_t *)to + first, data, len - first);
}

static void registers_from(struct unwind_state *s, const uint64_t *perf)
{
	/* By DWARF number: where perf has it. */
	static const uint8_t order[] = { PERF_REG_X86_AX, PERF_REG_X86_DX, PERF_REG_X86_CX,
					 PERF_REG_X86_BX, PERF_REG_X86_SI, PERF_REG_X86_DI,
					 PERF_REG_X86_BP, PERF_REG_X86_SP };

	for (int i = 0; i < 8; i++) {
		s->regs[i] = perf[order[i]];
		s->regs[8 + i] = perf[PERF_REG_X86_IP + 1 + i];
	}
	s->pc = perf[PERF_REG_X86_IP];
	s->sp = s->regs[UNWIND_REG_SP];
	s->bp = s->regs[UNWIND_REG_BP];
	s->exact = 1;
}

/* A record's body, in the order of perf_event_open(2); false if it is no sample of the process in
 * 64-bit code. */
static bool sample_parse(const struct recorder *r, struct cursor c, struct stack_sample *to)
{
	uint32_t pid, tid;
	uint64_t abi, regs[REGS_LEN], size, dyn_size;
	struct cursor stack;

	if (!cursor_u32(&c, &pid) || !cursor_u32(&c, &tid) || pid != (uint32_t)r->pid ||
	    !cursor_u64(&c, &abi) || abi != PERF_SAMPLE_REGS_ABI_64 ||
	    !cursor_read(&c, regs, sizeof(regs)) || !cursor_u64(&c, &size) ||
	    !cursor_sub(&c, size, &stack) || !cursor_u64(&c, &dyn_size) || dyn_size > size)
		return false;
	to->tid = (pid_t)tid;
	registers_from(&to->state, regs);
	to->stack = stack.pos;
	to->stack_len = dyn_size;
	return true;
}

static bool ring_next(struct recorder *r, const struct ring *ring, struct stack_sample *to)
{
	uint64_t head = __atomic_load_n(&ring->head->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->head->data_tail;
	bool found = false;

	while (!found && tail < head) {
		struct perf_event_header header;

		ring_copy(ring, tail, &header, sizeof(header));
		ring_copy(ring, tail, r->record, header.size);
		tail += header.size;
		found = header.type == PERF_RECORD_SAMPLE &&
			sample_parse(r,
				     cursor_init(r->record + sizeof(header),
						 header.size - sizeof(header)),
				     to);
	}
	__atomic_store_n(&ring->head->data_tail, tail, __ATOMIC_RELEASE);
	return found;
}

int recorder_next(struct recorder *r, int timeout_ms, struct stack_sample *ret)
{
	for (int waits = 0; waits < 2; waits++) {
		for (size_t i = 0; i < r->rings.len; i++) {
			struct ring *ring = &r->rings.items[r->next++ % r->rings.len];
			if (ring_next(r, ring, ret))
				return 1;
		}
		if (waits == 0)
			poll(r->polls.items, r->polls.len, timeout_ms);
	}
	return 0;
}
