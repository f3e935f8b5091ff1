// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/processes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proc/status.h"

/* By then every sample of a process that has ended is drained. */
#define ENDED_KEEP_NS (3 * NS_PER_SEC)

/* Of one process; programs load a few hundred files at most. */
#define RECORDS_MAX 1024

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
	vec_deinit(&p->inherited);
	vec_deinit(&p->records);
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

/* What runs now is not known: not to BPF, and not to us. */
void process_executed(struct processes *ps, struct process *p)
{
	uint32_t key = (uint32_t)p->pid;

	if (p->slice.count)
		bpf_map_delete_elem(ps->map_fd, &key);
	pool_give(ps->pool, p->slice);
	p->slice = (struct pool_slice){ 0, 0 };
	p->mappings.len = 0;
	p->tag = 0;
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
		process_executed(ps, p);
		p->records.len = p->inherited.len = 0;
		p->exec_ns = 0;
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
	uint32_t key = (uint32_t)p->pid;

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
	bpf_map_delete_elem(ps->map_fd, &key);
	pool_give(ps->pool, p->slice);
	p->slice = (struct pool_slice){ 0, 0 };
}

/* Put a mapping in its place, over what it overlaps. */
static void list_put(struct mapping_list *list, const struct unwind_mapping *m)
{
	size_t at = 0, end;

	while (at < list->len && list->items[at].end <= m->start)
		at++;
	for (end = at; end < list->len && list->items[end].start < m->end; end++)
		;
	if (vec_reserve(list, list->len + 1) < 0)
		return;
	if (list->len > end)
		memmove(&list->items[at + 1], &list->items[end],
			(list->len - end) * sizeof(*list->items));
	list->items[at] = *m;
	list->len += 1 + at - end;
}

void process_recall(const struct process *p, uint64_t time_ns, struct mapping_list *ret)
{
	uint64_t since = time_ns >= p->exec_ns ? p->exec_ns : 0;

	ret->len = 0;
	if (since == 0)
		vec_for_each(m, &p->inherited)
			list_put(ret, m);
	vec_for_each(record, &p->records)
		if (record->time_ns >= since && record->time_ns <= time_ns)
			list_put(ret, &record->mapping);
}

/* Let BPF see the mappings: the new slice first, then the record that leads to it. */
static int process_install(struct processes *ps, struct process *p, struct err *e)
{
	struct pool_slice slice;
	int rc = pool_take(ps->pool, p->mappings.items, (uint32_t)p->mappings.len, &slice);

	if (rc == 0) {
		uint32_t key = (uint32_t)p->pid;
		struct cpu_process record = { p->tag, slice.first, slice.count };
		if (bpf_map_update_elem(ps->map_fd, &key, &record, BPF_ANY) < 0)
			rc = -errno;
	}
	if (rc < 0) {
		ps->not_installed++;
		pool_give(ps->pool, slice);
		return err_set(e, rc, "no room for the mappings of process %d", p->pid);
	}
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
	int rc = proc_maps_read(&ps->maps, p->pid, e);

	p->stale = false;
	p->read_ns = clock_mono_ns();
	/* One that has just ended has no mappings any more. */
	if (rc < 0 || ps->maps.mappings.len == 0) {
		if (p->mappings.len == 0)
			process_recall(p, UINT64_MAX, &p->mappings);
		return rc < 0 ? rc : err_set(e, -ESRCH, "process %d has ended", p->pid);
	}
	if (process_take_over(ps, p) < 0)
		return err_set(e, -ENOMEM, "mappings of process %d", p->pid);
	return process_install(ps, p, e);
}

/* Records of the program before stay for samples on their way. */
static void record_exec(struct process *p, uint64_t time_ns)
{
	size_t kept = 0;

	vec_for_each(record, &p->records)
		if (record->time_ns >= p->exec_ns)
			p->records.items[kept++] = *record;
	p->records.len = kept;
	p->exec_ns = time_ns;
}

static void record_mapping(struct processes *ps, struct process *p, const struct sideband_record *r)
{
	/* Memory that is no file comes and goes with JITs: only /proc is asked about it. */
	const struct code_file *file = code_files_get(ps->files, p->pid, &r->mapping);

	if (!file || p->records.len >= RECORDS_MAX)
		return;
	struct process_record record = { r->time_ns, mapping_make(file, &r->mapping) };
	vec_push(&p->records, record);
}

static void record_apply(struct processes *ps, struct process *p, const struct sideband_record *r)
{
	p->stale = p->alive;
	if (r->executes)
		record_exec(p, r->time_ns);
	else
		record_mapping(ps, p, r);
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
	if (parent && parent->mappings.len) {
		child->inherited.len = 0;
		for (size_t i = 0; i < parent->mappings.len; i++)
			if (vec_push(&child->inherited, parent->mappings.items[i]) < 0)
				break;
	} else if (parent) {
		process_recall(parent, time_ns, &child->inherited);
	}
	if (parent)
		child->exe = parent->exe;
	orphans_claim(ps, child, time_ns);
}

void processes_refresh_stale(struct processes *ps)
{
	for (size_t i = 0; i < ps->by_pid.len; i++)
		if (process_at(ps, i)->stale)
			process_refresh(ps, process_at(ps, i), NULL);
}

void processes_check(struct processes *ps)
{
	uint64_t now = clock_mono_ns();

	for (size_t i = 0; i < ps->by_pid.len; i++) {
		struct process *p = process_at(ps, i);
		struct proc_status status;
		if (!p->alive && now - p->ended_ns > ENDED_KEEP_NS)
			process_free_mappings(p);
		if (!p->alive || !p->target)
			continue;
		int rc = proc_status_read(p->pid, &status, NULL);
		/* A leader may end before its threads. */
		if (rc < 0 || (proc_status_is_zombie(&status) && status.threads <= 1))
			process_end(ps, p, rc < 0 ? 0 : status.cpu_ns);
		else
			p->cpu_ns = status.cpu_ns;
	}
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
