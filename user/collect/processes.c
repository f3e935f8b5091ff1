// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/processes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proc/status.h"

/* No sample is handled later than this after it was taken. */
#define SAMPLES_LATE_NS (3 * NS_PER_SEC)

/* So many processes that have ended are remembered, for the executable that most samples are of. */
#define ENDED_MAX 4096

/* A process that mapped code where other code was is expected to do it again within this time. */
#define UNSTEADY_NS (10 * NS_PER_SEC)

void processes_init(struct processes *ps, struct code_files *files, struct pool *pool, int map_fd)
{
	*ps = (struct processes){
		.files = files,
		.pool = pool,
		.map_fd = map_fd,
	};
	map_init(&ps->by_pid, sizeof(uint32_t), sizeof(struct process *));
}

static struct process *process_at(const struct processes *ps, size_t i)
{
	return *(struct process **)map_value_at(&ps->by_pid, i);
}

static void process_free_mappings(struct process *p)
{
	vec_deinit(&p->mappings);
	history_deinit(&p->history);
}

void processes_deinit(struct processes *ps)
{
	for (size_t i = 0; i < ps->by_pid.len; i++) {
		process_free_mappings(process_at(ps, i));
		free(process_at(ps, i));
	}
	map_deinit(&ps->by_pid);
	free(ps->orphans);
	proc_maps_deinit(&ps->maps);
}

struct process *processes_find(struct processes *ps, pid_t pid)
{
	uint32_t key = (uint32_t)pid;
	struct process **found = map_find(&ps->by_pid, &key);

	return found ? *found : NULL;
}

/* BPF walks it no more: its samples come to us. */
static void process_withdraw(struct processes *ps, struct process *p)
{
	uint32_t key = (uint32_t)p->pid;

	bpf_map_delete_elem(ps->map_fd, &key);
	pool_give(ps->pool, p->slice);
	p->slice = (struct pool_slice){ 0, 0 };
}

/* What runs now is not known: not to BPF, and not to us. */
void process_executed(struct processes *ps, struct process *p, uint64_t tag)
{
	process_withdraw(ps, p);
	p->mappings.len = 0;
	p->tag = tag;
	p->exe = 0;
	p->stale = true;
}

struct process *processes_add(struct processes *ps, pid_t pid, bool target)
{
	uint32_t key = (uint32_t)pid;
	struct process *p = processes_find(ps, pid);

	if (!p) {
		p = calloc(1, sizeof(*p));
		struct process **slot = p ? map_put(&ps->by_pid, &key, NULL) : NULL;
		if (!slot) {
			free(p);
			return NULL;
		}
		*slot = p;
		p->pid = pid;
	}
	if (!p->alive) {
		process_executed(ps, p, 0);
		history_clear(&p->history);
		p->unsteady_until_ns = 0;
		if (p->target)
			ps->gone_cpu_ns += p->cpu_ns - p->cpu_base_ns;
		p->alive = true;
		p->target = false;
		p->cpu_base_ns = p->cpu_ns = 0;
	}
	if (target && !p->target) {
		p->target = true;
		ps->alive_targets++;
	}
	return p;
}

void process_end(struct processes *ps, struct process *p, uint64_t cpu_ns)
{
	if (!p->alive)
		return;
	p->alive = p->stale = false;
	p->ended_ns = clock_mono_ns();
	if (p->target)
		ps->alive_targets--;
	/* Until its parent has waited for it, /proc has the exact figure. */
	struct proc_status status;
	if (proc_status_read(p->pid, &status, NULL) == 0 && proc_status_is_zombie(&status))
		p->cpu_ns = status.cpu_ns;
	else if (cpu_ns > p->cpu_ns)
		p->cpu_ns = cpu_ns;
	process_withdraw(ps, p);
}

/* Whether BPF has these very mappings already. */
static bool process_is_installed(const struct processes *ps, const struct process *p)
{
	return p->slice.count && p->slice.count == p->mappings.len &&
	       memcmp(ps->pool->mappings + p->slice.first, p->mappings.items,
		      p->mappings.len * sizeof(*p->mappings.items)) == 0;
}

/* Let BPF see the mappings: the new slice first, then the record that leads to it. */
static int process_install(struct processes *ps, struct process *p, struct err *e)
{
	struct pool_slice slice = p->slice;
	int rc = 0;

	if (!process_is_installed(ps, p))
		rc = pool_take(ps->pool, p->mappings.items, (uint32_t)p->mappings.len, &slice);
	if (rc == 0) {
		uint32_t key = (uint32_t)p->pid;
		struct process_slice record = { p->tag, slice.first, slice.count };
		if (bpf_map_update_elem(ps->map_fd, &key, &record, BPF_ANY) < 0)
			rc = -errno;
	}
	if (rc < 0) {
		/* The old ones would be wrong. */
		ps->not_installed++;
		if (slice.first != p->slice.first)
			pool_give(ps->pool, slice);
		process_withdraw(ps, p);
		return err_set(e, rc, "no room for the mappings of process %d", p->pid);
	}
	if (slice.first != p->slice.first)
		pool_give(ps->pool, p->slice);
	p->slice = slice;
	return 0;
}

static struct unwind_mapping mapping_make(const struct code_file *file,
					  const struct proc_mapping *m)
{
	struct unwind_mapping to = { .start = m->start, .end = m->end, .dir = UNWIND_DIR_NONE };

	if (file) {
		to.file = file->number;
		to.dir = file->dir;
		to.bias = code_file_bias(file, m);
	}
	return to;
}

/* Replace p->mappings by what was read from /proc. */
static int process_take_over(struct processes *ps, struct process *p)
{
	_cleanup_free_ char *exe = NULL;

	proc_exe(p->pid, &exe, NULL);
	p->mappings.len = 0;
	vec_for_each(m, &ps->maps.mappings) {
		if (!(m->flags & PROC_MAPPING_EXEC))
			continue;
		const struct code_file *file = code_files_get(ps->files, p->pid, m);
		if (file && exe && strcmp(exe, m->path) == 0)
			p->exe = file->number;
		if (vec_push(&p->mappings, mapping_make(file, m)) < 0)
			return -ENOMEM;
	}
	return 0;
}

int process_refresh(struct processes *ps, struct process *p, struct err *e)
{
	uint64_t read_ns = clock_mono_ns();
	int rc = proc_maps_read(&ps->maps, p->pid, e);

	p->stale = false;
	p->read_ns = read_ns;
	/* One that has just ended has no mappings any more. */
	if (rc < 0 || ps->maps.mappings.len == 0) {
		if (p->mappings.len == 0)
			history_recall(&p->history, UINT64_MAX, &p->mappings);
		/* Nobody tells of the end of a process that is no target and not installed. */
		if (!p->target)
			process_end(ps, p, 0);
		return rc < 0 ? rc : err_set(e, -ESRCH, "process %d has ended", p->pid);
	}
	if (process_take_over(ps, p) < 0)
		return err_set(e, -ENOMEM, "mappings of process %d", p->pid);
	if (p->history.base_ns == 0 && p->history.exec_ns == 0)
		history_rebase(&p->history, &p->mappings, read_ns);
	return read_ns < p->unsteady_until_ns ? 0 : process_install(ps, p, e);
}

static void record_mapping(struct processes *ps, struct process *p, const struct sideband_record *r)
{
	/* Memory that is no file comes and goes with JITs: only /proc is asked about it. */
	const struct code_file *file = code_files_get(ps->files, p->pid, &r->mapping);

	if (!file)
		return;
	struct unwind_mapping m = mapping_make(file, &r->mapping);
	history_add(&p->history, r->time_ns, &m);
	if (mapping_list_differs(&p->mappings, &m)) {
		p->unsteady_until_ns = clock_mono_ns() + UNSTEADY_NS;
		process_withdraw(ps, p);
	}
}

static void record_apply(struct processes *ps, struct process *p, const struct sideband_record *r)
{
	p->stale = p->alive;
	if (!r->executes) {
		record_mapping(ps, p, r);
		return;
	}
	history_exec(&p->history, r->time_ns);
	p->mappings.len = 0;
}

static void orphan_put(struct processes *ps, const struct sideband_record *r)
{
	const char *path = r->executes ? "" : r->mapping.path;

	if (!ps->orphans)
		ps->orphans = calloc(ORPHANS_MAX, sizeof(*ps->orphans));
	if (!ps->orphans || strlen(path) >= ORPHAN_PATH_SIZE)
		return;
	struct orphan *orphan = &ps->orphans[ps->orphans_len++ % ORPHANS_MAX];
	orphan->record = *r;
	strcpy(orphan->path, path);
	orphan->record.mapping.path = orphan->path;
}

/* A process became known: what was recorded of it since `since_ns` is its own. */
static void orphans_claim(struct processes *ps, struct process *p, uint64_t since_ns)
{
	size_t first = ps->orphans_len > ORPHANS_MAX ? ps->orphans_len - ORPHANS_MAX : 0;

	for (size_t i = first; i < ps->orphans_len; i++) {
		struct orphan *orphan = &ps->orphans[i % ORPHANS_MAX];
		if (orphan->record.pid != p->pid || orphan->record.time_ns < since_ns)
			continue;
		record_apply(ps, p, &orphan->record);
		orphan->record.pid = 0;
	}
}

void processes_record(struct processes *ps, const struct sideband_record *r)
{
	if (!r) {
		for (size_t i = 0; i < ps->by_pid.len; i++)
			process_at(ps, i)->stale = process_at(ps, i)->alive;
		return;
	}
	struct process *p = processes_find(ps, r->pid);
	if (p && p->alive)
		record_apply(ps, p, r);
	else
		orphan_put(ps, r);
}

void process_inherit(struct processes *ps, struct process *child, const struct process *parent,
		     uint64_t time_ns)
{
	struct mapping_list had = { 0 };

	if (parent) {
		history_recall(&parent->history, time_ns, &had);
		history_rebase(&child->history, &had, time_ns);
		vec_deinit(&had);
		child->exe = parent->exe;
	}
	orphans_claim(ps, child, time_ns);
}

struct process *processes_discover(struct processes *ps, pid_t pid)
{
	struct process *p = processes_add(ps, pid, false);

	if (p)
		orphans_claim(ps, p, 0);
	return p;
}

void processes_refresh_stale(struct processes *ps)
{
	uint64_t now = clock_mono_ns();

	for (size_t i = 0; i < ps->by_pid.len; i++) {
		struct process *p = process_at(ps, i);
		/* One that has become steady is read once more, and BPF walks it again. */
		bool settled = p->alive && p->unsteady_until_ns && now >= p->unsteady_until_ns;
		if (settled)
			p->unsteady_until_ns = 0;
		if (p->stale || settled)
			process_refresh(ps, p, NULL);
	}
}

/* Ask /proc about a living process: its CPU time, and whether it is still there. */
static void process_check(struct processes *ps, struct process *p)
{
	struct proc_status status;

	if (!p->target) {
		if (kill(p->pid, 0) < 0 && errno == ESRCH)
			process_end(ps, p, 0);
		return;
	}
	int rc = proc_status_read(p->pid, &status, NULL);
	/* A leader may end before its threads. */
	if (rc < 0 || (proc_status_is_zombie(&status) && status.threads <= 1))
		process_end(ps, p, rc < 0 ? 0 : status.cpu_ns);
	else
		p->cpu_ns = status.cpu_ns;
}

/* Put what lives, and what has just ended, into a new map: the old one only grows. */
static void processes_compact(struct processes *ps, uint64_t now_ns)
{
	struct map kept;

	map_init(&kept, sizeof(uint32_t), sizeof(struct process *));
	for (size_t i = 0; i < ps->by_pid.len; i++) {
		struct process *p = process_at(ps, i);
		uint32_t key = (uint32_t)p->pid;
		bool keep = p->alive || now_ns - p->ended_ns <= SAMPLES_LATE_NS;
		struct process **slot = keep ? map_put(&kept, &key, NULL) : NULL;
		if (slot) {
			*slot = p;
			continue;
		}
		if (p->target)
			ps->gone_cpu_ns += p->cpu_ns - p->cpu_base_ns;
		process_free_mappings(p);
		free(p);
	}
	map_deinit(&ps->by_pid);
	ps->by_pid = kept;
}

void processes_check(struct processes *ps)
{
	uint64_t now = clock_mono_ns();
	size_t ended = 0;

	for (size_t i = 0; i < ps->by_pid.len; i++) {
		struct process *p = process_at(ps, i);
		history_fold(&p->history, now - SAMPLES_LATE_NS);
		if (p->alive)
			process_check(ps, p);
		else if (now - p->ended_ns > SAMPLES_LATE_NS)
			process_free_mappings(p);
		ended += !p->alive;
	}
	if (ended > ENDED_MAX)
		processes_compact(ps, now);
}

uint64_t processes_cpu_ns(const struct processes *ps)
{
	uint64_t sum = ps->gone_cpu_ns;

	for (size_t i = 0; i < ps->by_pid.len; i++)
		if (process_at(ps, i)->target)
			sum += process_at(ps, i)->cpu_ns - process_at(ps, i)->cpu_base_ns;
	return sum;
}

void processes_rebase(struct processes *ps)
{
	ps->gone_cpu_ns = 0;
	for (size_t i = 0; i < ps->by_pid.len; i++)
		process_at(ps, i)->cpu_base_ns = process_at(ps, i)->cpu_ns;
}
