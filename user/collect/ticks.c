// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/ticks.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "proc/privilege.h"

#define REDRAW_NS      (NS_PER_SEC / 10)
#define REDRAW_PERIODS 10 /* at low rates: not before so many mean periods */

/*
 * A redraw throws away on average half a period, one in every interval between two redraws; the
 * periods are drawn shorter by that much, so that the rate is the one asked for.
 */
static uint64_t period_mean_ns(uint64_t period_ns, uint64_t interval_ns)
{
	return (uint64_t)(1.0 / (1.0 / (double)period_ns + 0.5 / (double)interval_ns));
}

static uint64_t redraw_interval_ns(const struct ticks *t)
{
	uint64_t interval = t->period_ns * REDRAW_PERIODS;

	return interval > REDRAW_NS ? interval : REDRAW_NS;
}

/* xorshift64* (Vigna, 2016). */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

/* A period whose rate is uniform in [0.84, 1.16) of the mean rate. */
static uint64_t period_draw_ns(struct ticks *t)
{
	double u = (double)(random_next(&t->random) >> 11) * 0x1p-53;
	uint64_t mean = period_mean_ns(t->period_ns, redraw_interval_ns(t));

	return (uint64_t)((double)mean / (0.84 + 0.32 * u));
}

/* One page of records behind the control page: 128 of them, far more than come in a second. */
static struct perf_event_mmap_page *ring_map(int fd)
{
	void *ring = mmap(NULL, 2 * (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0);

	return ring == MAP_FAILED ? NULL : ring;
}

static int tick_open(struct ticks *t, int cpu, int prog_fd, struct err *e)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = period_draw_ns(t),
		.disabled = 1,
		/* Idle ticks would only wear down the kernel's allowance of ticks, and be
		   throttled. */
		.exclude_idle = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0 && errno == ENODEV)
		return 0; /* offline */
	if (fd < 0) {
		struct privilege privilege;
		int rc = -errno;
		privilege_read(&privilege);
		return privilege_explain_perf(&privilege, rc, e);
	}
	if (vec_push(&t->events, (struct tick_event){ .fd = fd }) < 0) {
		close(fd);
		return err_set(e, -ENOMEM, "cannot open the cpu-clock event of CPU %d", cpu);
	}
	t->events.items[t->events.len - 1].ring = ring_map(fd);
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog_fd) < 0)
		return err_set(e, -errno, "cannot attach to the cpu-clock event of CPU %d", cpu);
	return 0;
}

int ticks_init(struct ticks *t, uint32_t hz, int prog_fd, struct err *e)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	t->period_ns = NS_PER_SEC / hz;
	if (getrandom(&t->random, sizeof(t->random), 0) != sizeof(t->random) || t->random == 0)
		t->random = clock_mono_ns();
	for (int cpu = 0; cpu < cpus; cpu++) {
		int rc = tick_open(t, cpu, prog_fd, e);
		if (rc < 0)
			return rc;
	}
	return t->events.len ? 0 : err_plain(e, -ENODEV, "no CPU could be sampled");
}

void ticks_deinit(struct ticks *t)
{
	vec_for_each(event, &t->events) {
		if (event->ring)
			munmap(event->ring, 2 * (size_t)sysconf(_SC_PAGESIZE));
		close(event->fd);
	}
	vec_deinit(&t->events);
}

int ticks_start(struct ticks *t, struct err *e)
{
	vec_for_each(event, &t->events)
		if (ioctl(event->fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
			return err_set(e, -errno, "cannot start a cpu-clock event");
	t->redrawn_ns = clock_mono_ns();
	return 0;
}

void ticks_stop(struct ticks *t)
{
	vec_for_each(event, &t->events)
		ioctl(event->fd, PERF_EVENT_IOC_DISABLE, 0);
}

void ticks_redraw(struct ticks *t, uint64_t now_ns)
{
	if (now_ns - t->redrawn_ns < redraw_interval_ns(t))
		return;
	t->redrawn_ns = now_ns;
	vec_for_each(event, &t->events) {
		uint64_t period = period_draw_ns(t);
		ioctl(event->fd, PERF_EVENT_IOC_PERIOD, &period);
	}
}

/* PERF_RECORD_THROTTLE and _UNTHROTTLE (perf_event_open(2)). */
struct record_throttle {
	struct perf_event_header header;
	uint64_t time, id, stream_id;
};

static void record_handle(struct ticks *t, struct tick_event *event,
			  const struct record_throttle *r)
{
	if (r->header.type == PERF_RECORD_THROTTLE) {
		event->throttled_since_ns = r->time;
	} else if (r->header.type == PERF_RECORD_UNTHROTTLE && event->throttled_since_ns) {
		t->throttled_ns += r->time - event->throttled_since_ns;
		event->throttled_since_ns = 0;
	}
}

uint64_t ticks_throttled(struct ticks *t)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	vec_for_each(event, &t->events) {
		if (!event->ring)
			continue;
		const char *data = (const char *)event->ring + page;
		uint64_t head = __atomic_load_n(&event->ring->data_head, __ATOMIC_ACQUIRE);
		uint64_t tail = event->ring->data_tail;
		/* Both kinds of record are 32 bytes, so none is split at the ring's end. */
		while (tail < head) {
			const struct record_throttle *r = (const void *)(data + tail % page);
			if (r->header.size != sizeof(*r)) {
				tail = head;
				break;
			}
			record_handle(t, event, r);
			tail += r->header.size;
		}
		__atomic_store_n(&event->ring->data_tail, tail, __ATOMIC_RELEASE);
	}
	return t->throttled_ns / t->period_ns;
}
