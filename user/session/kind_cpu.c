// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "collect/cpu.h"
#include "profile/build.h"
#include "session/building.h"
#include "session/kind.h"
#include "session/labels.h"

struct cpu_state {
	struct cpu_collector *collector;
	struct cpu_losses base; /* losses before this profile began */
};

static int cpu_open(const struct session_options *o, void **ret, struct err *e)
{
	struct cpu_options options = {
		.follow = {
			.pids = o->pids,
			.npids = o->npids,
			.all = o->all,
			.children = o->children,
			.label_tid = o->labels & SESSION_LABEL_TID,
			.label_cpu = o->labels & SESSION_LABEL_CPU,
			.label_thread = o->labels & SESSION_LABEL_THREAD,
		},
		.user_only = o->user_only,
		.hz = o->hz,
	};
	struct cpu_state *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "cannot open a session");
	int rc = cpu_collector_open(&options, &s->collector, e);
	if (rc < 0) {
		free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

static void cpu_close(void *state)
{
	struct cpu_state *s = state;

	cpu_collector_close(s->collector);
	free(s);
}

static struct follow *cpu_follow(void *state)
{
	return cpu_collector_follow(((struct cpu_state *)state)->collector);
}

static void cpu_preload(void *state, const char *path)
{
	follow_preload(cpu_follow(state), path);
}

static int cpu_retarget(void *state, const pid_t *pids, size_t npids, struct err *e)
{
	return cpu_collector_retarget(((struct cpu_state *)state)->collector, pids, npids, e);
}

static int cpu_poll(void *state, int timeout_ms, struct err *e)
{
	return cpu_collector_poll(((struct cpu_state *)state)->collector, timeout_ms, e);
}

static int cpu_drain(void *state, struct err *e)
{
	return cpu_collector_drain(((struct cpu_state *)state)->collector, e);
}

static void cpu_stop(void *state)
{
	cpu_collector_stop(((struct cpu_state *)state)->collector);
}

static void cpu_restart(void *state)
{
	struct cpu_state *s = state;

	samples_restart(cpu_collector_samples(s->collector));
	cpu_collector_losses(s->collector, &s->base);
}

/* ---- Figures ------------------------------------------------------------------------------- */

static void stats_losses(struct cpu_state *s, struct session_figures *f, struct session_stats *ret)
{
	struct cpu_losses now;

	cpu_collector_losses(s->collector, &now);
	ret->throttled = now.throttled - s->base.throttled;
	ret->finished_walks = now.deferred - s->base.deferred;
	session_add_loss(f, ret, "ring buffer full", now.ring - s->base.ring);
	session_add_loss(f, ret, "table of counts full", now.counts - s->base.counts);
	session_add_loss(f, ret, "memory for stacks used up", now.store - s->base.store);
	session_add_loss(f, ret, "stack did not arrive", now.stack - s->base.stack);
	ret->unfollowed = now.unfollowed - s->base.unfollowed;
	ret->not_installed = now.not_installed - s->base.not_installed;
}

static void cpu_stats(void *state, struct session_figures *f, struct session_stats *ret)
{
	struct cpu_state *s = state;
	const struct samples *samples = cpu_collector_samples(s->collector);

	for (size_t i = 0; i < samples->counts.len; i++) {
		const struct sample_key *key = map_key_at(&samples->counts, i);
		const struct cpu_value *value = map_value_at(&samples->counts, i);

		ret->samples += value->samples;
		ret->sampled_ns += value->ns;
		if (!key->user)
			continue;
		ret->user_samples += value->samples;
		if (key->end == UNWIND_END_COMPLETE)
			ret->complete += value->samples;
		else if (key->end == UNWIND_END_TRUNCATED)
			ret->truncated += value->samples;
		else
			incomplete_add(&f->incomplete, key, &samples->stacks, &cpu_follow(s)->files,
				       value->samples);
	}
	stats_losses(s, f, ret);
}

/* ---- The profile --------------------------------------------------------------------------- */

/* The executable with most samples; that of the first process if there are no samples. */
static const struct code_file *main_file(const struct samples *samples, struct follow *f)
{
	struct map by_file;
	uint64_t most = 0;
	uint32_t best = 0;

	map_init(&by_file, sizeof(uint32_t), sizeof(uint64_t));
	for (size_t i = 0; i < samples->counts.len; i++) {
		const struct sample_key *key = map_key_at(&samples->counts, i);
		const struct cpu_value *value = map_value_at(&samples->counts, i);
		const struct process *p = processes_find(&f->processes, (pid_t)key->tgid);
		uint64_t *sum = p && p->exe ? map_put(&by_file, &p->exe, NULL) : NULL;
		if (!sum)
			continue;
		*sum += value->samples;
		if (*sum > most) {
			most = *sum;
			best = p->exe;
		}
	}
	map_deinit(&by_file);
	for (size_t i = 0; best == 0 && i < f->processes.by_pid.len; i++)
		best = (*(struct process **)map_value_at(&f->processes.by_pid, i))->exe;
	return code_files_at(&f->files, best);
}

/* Samples that the profile does not tell apart become one: how a walk ended is no part of it. */
static int lines_merge(struct building *b)
{
	for (size_t i = 0; i < b->counts->len; i++) {
		struct sample_key key = *(const struct sample_key *)map_key_at(b->counts, i);
		const struct cpu_value *value = map_value_at(b->counts, i);
		labels_hide(b->labels, &key);
		struct cpu_value *sum = map_put(&b->lines, &key, NULL);
		if (!sum)
			return -ENOMEM;
		sum->samples += value->samples;
		sum->ns += value->ns;
	}
	return 0;
}

static void lines_add(struct building *b, const struct samples *samples)
{
	for (size_t i = 0; i < b->lines.len; i++) {
		const struct sample_key *key = map_key_at(&b->lines, i);
		const struct cpu_value *value = map_value_at(&b->lines, i);
		int64_t values[] = { (int64_t)value->samples, (int64_t)value->ns };
		struct profile_label labels[LABELS_MAX];
		size_t depth;
		const uint32_t *stack = locations_of(&b->locations, &samples->stacks,
						     samples_stack(samples, key), &depth);

		profile_add_sample(b->profile, stack, depth, values, labels,
				   labels_make(b->profile, b->labels, key, labels));
	}
}

static int cpu_fill(void *samples, struct building *b)
{
	int64_t period_ns = (int64_t)(NS_PER_SEC / b->options->hz);

	profile_add_sample_type(b->profile, "samples", "count");
	profile_add_sample_type(b->profile, "cpu", "nanoseconds");
	profile_set_period(b->profile, "cpu", "nanoseconds", period_ns);
	int rc = lines_merge(b);
	if (rc == 0)
		lines_add(b, samples);
	return rc;
}

/* samples/count and cpu/nanoseconds; the executable with most samples is the main binary. */
static int cpu_build(void *state, const struct session_options *o, struct profile **ret,
		     struct symbolize_stats *names, struct err *e)
{
	struct cpu_state *s = state;
	struct samples *samples = cpu_collector_samples(s->collector);
	struct building b = {
		.options = o,
		.follow = cpu_follow(s),
		.counts = &samples->counts,
		.first = main_file(samples, cpu_follow(s)),
		.key_size = sizeof(struct sample_key),
		.value_size = sizeof(struct cpu_value),
		.fill = cpu_fill,
		.ctx = samples,
	};

	return building_run(&b, ret, names, e);
}

const struct session_kind_ops session_kind_cpu = {
	.open = cpu_open,
	.close = cpu_close,
	.follow = cpu_follow,
	.preload = cpu_preload,
	.retarget = cpu_retarget,
	.poll = cpu_poll,
	.drain = cpu_drain,
	.stop = cpu_stop,
	.stats = cpu_stats,
	.build = cpu_build,
	.restart = cpu_restart,
};
