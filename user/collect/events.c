// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/events.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "collect/sideband.h"
#include "lib/stack_hash.h"
#include "unwind/walk.h"

/* A process whose code has no mapping (a JIT's, gone again) is not read again more often than this.
 */
#define READ_AGAIN_NS (NS_PER_SEC / 10)

/* ---- Walks that BPF could not finish ----------------------------------------------------------
 */

/* The process of a sample with mappings that are as new as the sample, as far as they can be had.
 */
static struct process *sample_process(struct events *ev, const struct sample_event *s)
{
	struct process *p = processes_find(ev->processes, (pid_t)s->key.tgid);

	if (!p || (!p->alive && p->tag != s->tag && !p->target))
		p = processes_discover(ev->processes, (pid_t)s->key.tgid);
	if (!p || !p->alive)
		return p;
	sideband_consume(ev->sideband);
	bool read_again = p->stale;
	if (p->tag != s->tag) {
		read_again = true;
		p->tag = s->tag;
	}
	if (s->key.end == UNWIND_END_NO_MAPPING && clock_mono_ns() - p->read_ns > READ_AGAIN_NS)
		read_again = true;
	if (read_again)
		process_refresh(ev->processes, p, NULL);
	return p;
}

static bool end_asks_for_mappings(enum unwind_end end)
{
	return end == UNWIND_END_NO_PROCESS || end == UNWIND_END_NO_MAPPING;
}

/* Hand over a stack that was completed here. */
static void walk_finish(struct events *ev, const struct sample_event *s, const uint64_t *frames,
			size_t len, enum unwind_end end, enum sample_user user)
{
	struct stack_hash hash = { { STACK_HASH_INIT_0, STACK_HASH_INIT_1 } };
	struct sample_key key = s->key;

	for (size_t i = 0; i < len; i++)
		stack_hash_add(&hash, frames[i]);
	key.stack[0] = hash.h[0];
	key.stack[1] = hash.h[1];
	key.end = end;
	key.user = user;
	/* What finds no room is counted as lost when its count arrives. */
	stacks_add(ev->stacks, key.stack, frames, (uint32_t)len, s->kernel_len);
	ev->finished(ev->ctx, s, &key);
}

/*
 * Walk by the process's mappings or, if they are not those of the sample's time (the process has
 * executed since, or ended), by what its history tells. Which one comes first depends on whether
 * the process is steady; the other is asked where a mapping is missing.
 */
static enum unwind_end sample_walk(struct events *ev, const struct sample_event *s,
				   uint64_t *frames, size_t *len)
{
	const uint64_t *data = (const void *)(s + 1);
	struct process *p = sample_process(ev, s);
	struct walk_process from = {
		.tables = ev->tables,
		.stack_addr = s->state.sp,
		.stack = (const uint8_t *)(data + s->frames_len),
		.stack_len = s->stack_bytes,
	};
	enum unwind_end end = UNWIND_END_NO_PROCESS;

	for (int attempt = 0; p && attempt < 2 && end_asks_for_mappings(end); attempt++) {
		const struct mapping_list *list = &p->mappings;
		struct unwind_state state = s->state;
		if ((attempt == 0) == (p->unsteady_until_ns != 0)) {
			history_recall(&p->history, s->time_ns, &ev->recalled);
			list = &ev->recalled;
		}
		if (list->len == 0)
			continue;
		from.mappings = list->items;
		from.mappings_len = list->len;
		*len = s->frames_len;
		end = walk(&from, &state, frames, len, UNWIND_FRAMES_MAX + s->kernel_len);
	}
	return end;
}

static void deferred_handle(struct events *ev, const struct sample_event *s)
{
	uint64_t frames[UNWIND_FRAMES_MAX + UNWIND_KERNEL_FRAMES_MAX];
	size_t len = s->frames_len;

	ev->deferred++;
	memcpy(frames, s + 1, len * sizeof(*frames));
	enum unwind_end end = sample_walk(ev, s, frames, &len);
	bool gone = s->key.user == SAMPLE_USER_EXECVE && end != UNWIND_END_COMPLETE;
	/* An address that nothing is known of is still where the sample was taken. */
	if (len == s->kernel_len && !gone)
		frames[len++] = UNWIND_FRAME_PLAIN | (s->state.pc & UNWIND_FRAME_PLAIN_MASK);
	walk_finish(ev, s, frames, len, end, gone ? SAMPLE_USER_NONE : SAMPLE_USER_STACK);
}

static void sample_handle(struct events *ev, const struct sample_event *s, size_t size)
{
	if (size < sizeof(*s) || s->frames_len > UNWIND_FRAMES_MAX + UNWIND_KERNEL_FRAMES_MAX ||
	    s->kernel_len > s->frames_len ||
	    size < sizeof(*s) + s->frames_len * 8ULL + s->stack_bytes) {
		ev->malformed++;
		return;
	}
	if (s->type == EVENT_DEFERRED)
		deferred_handle(ev, s);
	else
		stacks_add(ev->stacks, s->key.stack, (const void *)(s + 1), s->frames_len,
			   s->kernel_len);
}

/* ---- The life of the targets -------------------------------------------------------------------
 */

static struct process *fork_handle(struct events *ev, const struct task_event *t)
{
	struct process *parent = processes_find(ev->processes, (pid_t)t->parent);
	struct process *child = processes_add(ev->processes, (pid_t)t->tgid, true);

	if (child)
		process_inherit(ev->processes, child, parent, t->time_ns);
	return child;
}

static void task_handle(struct events *ev, const struct task_event *t)
{
	struct process *p = t->type == EVENT_FORK ? fork_handle(ev, t)
						  : processes_find(ev->processes, (pid_t)t->tgid);

	if (!p)
		return;
	if (t->type == EVENT_EXIT) {
		process_end(ev->processes, p, t->cpu_ns);
	} else if (t->type == EVENT_EXEC) {
		process_executed(ev->processes, p, t->tag);
		process_refresh(ev->processes, p, NULL);
	}
	if (ev->changed)
		ev->changed(ev->ctx, p, t);
}

int events_handle(void *ctx, void *record, size_t size)
{
	struct events *ev = ctx;
	const struct sample_event *s = record;

	if (size >= sizeof(s->type) && (s->type == EVENT_STACK || s->type == EVENT_DEFERRED))
		sample_handle(ev, s, size);
	else if (size >= sizeof(struct task_event))
		task_handle(ev, record);
	else
		ev->malformed++;
	return clock_mono_ns() < ev->deadline_ns ? 0 : -EAGAIN;
}
