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

void processes_init(struct processes *ps, struct code_files *files, struct pool *pool, int map_fd)
{
	*ps = (struct processes){ .files = files, .pool = pool, .map_fd = map_fd };
	map_init(&ps->by_pid, sizeof(uint32_t), sizeof(struct process *));
}

static struct process *process_at(const struct processes *ps, size_t i)
{
	return *(struct process **)map_value_at(&ps->by_pid, i);
}

void processes_deinit(struct processes *ps)
{
	for (size_t i = 0; i < ps->by_pid.len; i++) {
		vec_deinit(&process_at(ps, i)->mappings);
		free(process_at(ps, i));
	}
	map_deinit(&ps->by_pid);
	proc_maps_deinit(&ps->maps);
}

struct process *processes_find(struct processes *ps, pid_t pid)
{
	uint32_t key = (uint32_t)pid;
	struct process **found = map_find(&ps->by_pid, &key);

	return found ? *found : NULL;
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
		process_forget(ps, p);
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

void process_forget(struct processes *ps, struct process *p)
{
	uint32_t key = (uint32_t)p->pid;

	if (p->slice.count)
		bpf_map_delete_elem(ps->map_fd, &key);
	pool_give(ps->pool, p->slice);
	p->slice = (struct pool_slice){ 0, 0 };
	p->mappings.len = 0;
	p->tag = 0;
	p->stale = true;
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
	if (cpu_ns > p->cpu_ns)
		p->cpu_ns = cpu_ns;
	bpf_map_delete_elem(ps->map_fd, &key);
	pool_give(ps->pool, p->slice);
	p->slice = (struct pool_slice){ 0, 0 };
}

void process_copy_mappings(struct process *child, const struct process *parent)
{
	child->mappings.len = 0;
	if (vec_reserve(&child->mappings, parent->mappings.len) < 0)
		return;
	if (parent->mappings.len)
		memcpy(child->mappings.items, parent->mappings.items,
		       parent->mappings.len * sizeof(*parent->mappings.items));
	child->mappings.len = parent->mappings.len;
	child->exe = parent->exe;
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

static int mapping_add(struct processes *ps, struct process *p, const struct proc_mapping *m,
		       const char *exe)
{
	struct code_file *file = code_files_get(ps->files, p->pid, m);
	struct unwind_mapping to = { .start = m->start, .end = m->end, .dir = UNWIND_DIR_NONE };

	if (file) {
		to.file = file->number;
		to.dir = file->dir;
		to.bias = code_file_bias(file, m);
		if (exe && strcmp(exe, m->path) == 0)
			p->exe = file->number;
	}
	return vec_push(&p->mappings, to);
}

int process_refresh(struct processes *ps, struct process *p, struct err *e)
{
	_cleanup_free_ char *exe = NULL;
	uint64_t now = clock_mono_ns();
	int rc = proc_maps_read(&ps->maps, p->pid, e);

	p->stale = false;
	p->read_ns = now;
	/* One that has just ended has no mappings any more; what was known stays. */
	if (rc < 0 || ps->maps.mappings.len == 0)
		return rc < 0 ? rc : err_set(e, -ESRCH, "process %d has ended", p->pid);
	proc_exe(p->pid, &exe, NULL);
	p->mappings.len = 0;
	vec_for_each(m, &ps->maps.mappings) {
		if (!(m->flags & PROC_MAPPING_EXEC))
			continue;
		if (mapping_add(ps, p, m, exe) < 0)
			return err_set(e, -ENOMEM, "mappings of process %d", p->pid);
	}
	return process_install(ps, p, e);
}

void processes_mark_stale(struct processes *ps, pid_t pid)
{
	struct process *p = pid ? processes_find(ps, pid) : NULL;

	if (p)
		p->stale = p->alive;
	for (size_t i = 0; pid == 0 && i < ps->by_pid.len; i++)
		process_at(ps, i)->stale = process_at(ps, i)->alive;
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
			vec_deinit(&p->mappings);
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
