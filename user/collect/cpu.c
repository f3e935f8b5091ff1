// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/cpu.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "collect/bpf_object.h"
#include "collect/counts.h"
#include "collect/ticks.h"

extern const char bpf_object_cpu[], bpf_object_cpu_end[];

#define DRAIN_NS NS_PER_SEC

struct cpu_collector {
	struct follow follow;
	struct samples samples;
	struct counts counts;
	struct ticks ticks;
	uint64_t period_ns;
	uint64_t drained_ns;
};

/* ---- Life ---------------------------------------------------------------------------------- */

static uint32_t clamp_u64(uint64_t value, uint32_t low, uint32_t high)
{
	return value < low ? low : value > high ? high : (uint32_t)value;
}

/* Samples in one drain interval at the most, with half as many again to spare. */
static uint32_t counts_entries(uint32_t hz)
{
	return clamp_u64((uint64_t)hz * (uint64_t)libbpf_num_possible_cpus() * 3 / 2, 4096,
			 1 << 18);
}

/* A walk that user space finished is one more sample. */
static void walk_finished(void *ctx, const struct sample_event *event, const struct sample_key *key)
{
	struct cpu_collector *c = ctx;
	struct cpu_value value = { 1, c->period_ns };

	(void)event;
	samples_add(&c->samples, key, &value);
}

static int collector_start(struct cpu_collector *c, const struct cpu_options *o, struct err *e)
{
	struct follow *f = &c->follow;
	uint32_t cpus = (uint32_t)libbpf_num_possible_cpus();
	struct follow_object from = {
		.name = "cprofbpf_cpu",
		.start = bpf_object_cpu,
		.end = bpf_object_cpu_end,
		/* A second of stacks, with room to spare for the copies of deferred ones while a
		 * large file is compiled. */
		.ring_bytes = clamp_u64((uint64_t)o->hz * cpus * 4096, 0, UINT32_MAX),
		.scratch_slots = cpus,
	};
	int rc = follow_open(f, &o->follow, &from, e);

	c->period_ns = NS_PER_SEC / o->hz;
	if (rc < 0 ||
	    (rc = bpf_object_set(f->object, "kernel_stacks", (bool)!o->user_only, e)) < 0 ||
	    (rc = bpf_object_set(f->object, "period_ns", c->period_ns, e)) < 0 ||
	    (rc = follow_load(f, &c->samples.stacks, walk_finished, NULL, c, e)) < 0 ||
	    (rc = counts_init(&c->counts, f->object, sizeof(struct sample_key),
			      sizeof(struct cpu_value), counts_entries(o->hz), e)) < 0 ||
	    (rc = follow_targets(f, e)) < 0 ||
	    (rc = ticks_init(&c->ticks, o->hz, bpf_object_program_fd(f->object, "cpu_tick"), e)) <
		    0)
		return rc;
	c->drained_ns = clock_mono_ns();
	return ticks_start(&c->ticks, e);
}

int cpu_collector_open(const struct cpu_options *o, struct cpu_collector **ret, struct err *e)
{
	struct cpu_collector *c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, -ENOMEM, "cannot start profiling");
	c->counts = COUNTS_EMPTY;
	samples_init(&c->samples);
	int rc = collector_start(c, o, e);
	if (rc < 0) {
		cpu_collector_close(c);
		return rc;
	}
	*ret = c;
	return 0;
}

void cpu_collector_close(struct cpu_collector *c)
{
	if (!c)
		return;
	ticks_deinit(&c->ticks);
	follow_deinit(&c->follow);
	counts_deinit(&c->counts);
	samples_deinit(&c->samples);
	free(c);
}

int cpu_collector_retarget(struct cpu_collector *c, const pid_t *pids, size_t npids, struct err *e)
{
	int rc = follow_retarget(&c->follow, pids, npids, e);

	return rc < 0 ? rc : ticks_start(&c->ticks, e);
}

void cpu_collector_stop(struct cpu_collector *c)
{
	ticks_stop(&c->ticks);
}

/* ---- Draining ------------------------------------------------------------------------------ */

static void count_add(void *samples, const void *key, const void *value)
{
	samples_add(samples, key, value);
}

int cpu_collector_drain(struct cpu_collector *c, struct err *e)
{
	int rc = follow_drain(&c->follow, &c->counts, count_add, &c->samples, e);

	c->drained_ns = clock_mono_ns();
	return rc;
}

/* What is due by the clock. */
static int collector_due(void *collector, struct err *e)
{
	struct cpu_collector *c = collector;
	uint64_t now = clock_mono_ns();

	ticks_redraw(&c->ticks, now);
	if (now - c->drained_ns < DRAIN_NS)
		return 0;
	processes_check(&c->follow.processes);
	ticks_throttled(&c->ticks);
	return cpu_collector_drain(c, e);
}

int cpu_collector_poll(struct cpu_collector *c, int timeout_ms, struct err *e)
{
	return follow_poll(&c->follow, timeout_ms, collector_due, c, e);
}

/* ---- Results ------------------------------------------------------------------------------- */

struct samples *cpu_collector_samples(struct cpu_collector *c)
{
	return &c->samples;
}

struct follow *cpu_collector_follow(struct cpu_collector *c)
{
	return &c->follow;
}

void cpu_collector_losses(struct cpu_collector *c, struct cpu_losses *ret)
{
	const struct follow *f = &c->follow;

	*ret = (struct cpu_losses){
		.ring = follow_counter(f, COUNTER_LOST_RING),
		.counts = follow_counter(f, COUNTER_LOST_COUNTS),
		.store = c->samples.lost_full,
		.stack = c->samples.lost_unknown + f->events.malformed,
		.unfollowed = follow_unfollowed(f),
		.not_installed = f->processes.not_installed,
		.throttled = ticks_throttled(&c->ticks),
		.deferred = f->events.deferred,
	};
}
