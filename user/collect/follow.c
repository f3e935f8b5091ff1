// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/follow.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "collect/bpf_object.h"
#include "collect/needed.h"
#include "collect/sideband.h"
#include "proc/privilege.h"
#include "proc/status.h"
#include "proc/tree.h"

#define FILES_WISHED 65536
#define SIDEBAND_NS  (NS_PER_SEC / 100)
#define POLL_STEP_MS 100

/* How long the ring may hold us: in its turn, and before a hash of counts is emptied. */
#define RING_TURN_NS   (NS_PER_SEC / 20)
#define RING_DRAIN_NS  (2 * NS_PER_SEC)

#define RING_BYTES_MIN (1U << 22)
#define RING_BYTES_MAX (1U << 26)

static const char *const tracepoints[FOLLOW_TRACEPOINTS] = { "follow_fork", "follow_exec",
							     "follow_exit" };

/* ---- Loading ------------------------------------------------------------------------------- */

static uint32_t ring_bytes(uint32_t wished)
{
	uint32_t power = RING_BYTES_MIN;

	while (power < wished && power < RING_BYTES_MAX)
		power <<= 1;
	return power;
}

static int object_configure(struct follow *f, const struct follow_object *from, struct err *e)
{
	const struct follow_options *o = &f->options;
	uint64_t dev, inode;
	int rc = proc_pid_namespace(&dev, &inode, e);

	if (rc < 0)
		return rc;
	/* PROC_PID_INIT_INO: in the initial namespace numbers need no translation. */
	uint32_t namespace = inode == 0xEFFFFFFCU ? 0 : (uint32_t)inode;
	uint32_t ring = ring_bytes(from->ring_bytes);
	if ((rc = bpf_object_set(f->object, "pid_namespace_inode", namespace, e)) < 0 ||
	    (rc = bpf_object_set(f->object, "kernel_has_fred", bpf_kernel_has_struct("fred_info"),
				 e)) < 0 ||
	    (rc = bpf_object_set(f->object, "profile_all", o->all, e)) < 0 ||
	    (rc = bpf_object_set(f->object, "follow_children", o->children, e)) < 0 ||
	    (rc = bpf_object_set(f->object, "label_tid", o->label_tid, e)) < 0 ||
	    (rc = bpf_object_set(f->object, "label_cpu", o->label_cpu, e)) < 0 ||
	    (rc = bpf_object_set(f->object, "label_thread", o->label_thread, e)) < 0 ||
	    (rc = bpf_object_set(f->object, "ring_wakeup_bytes", ring / 4, e)) < 0 ||
	    (rc = bpf_object_set_entries(f->object, "ring", ring, e)) < 0 ||
	    (rc = bpf_object_set_entries(f->object, "scratch", from->scratch_slots, e)) < 0)
		return rc;
	return bpf_tables_configure(f->object, o->all, e);
}

/* In a PID namespace that kept its parent's /proc, every number in there is another process's. */
static int proc_mount_check(struct err *e)
{
	char self[32] = { 0 };

	if (readlink("/proc/self", self, sizeof(self) - 1) > 0 && atoi(self) == getpid())
		return 0;
	return err_plain(
		e, -EINVAL,
		"/proc is of another PID namespace: mount this one's (unshare --mount-proc)");
}

int follow_open(struct follow *f, const struct follow_options *o, const struct follow_object *from,
		struct err *e)
{
	struct privilege privilege;

	f->options = *o;
	privilege_read(&privilege);
	int rc = privilege_check(&privilege, e);
	if (rc == 0)
		rc = proc_mount_check(e);
	/* As many as we may have: each file that a target maps takes one, for its names at the end.
	 */
	privilege_raise_nofile(FILES_WISHED, NULL);
	/* Maps, programs, and for each CPU an event and a ring; the files of a large program. */
	if (rc < 0 ||
	    (rc = privilege_raise_nofile(64 + 2 * (size_t)libbpf_num_possible_cpus(), e)) < 0)
		return rc;
	rc = bpf_object_open_embedded(from->name, from->start, from->end, &f->object, e);
	return rc < 0 ? rc : object_configure(f, from, e);
}

static void sideband_handle(void *processes, const struct sideband_record *r)
{
	processes_record(processes, r);
}

static int tracepoints_attach(struct follow *f, struct err *e)
{
	for (size_t i = 0; i < FOLLOW_TRACEPOINTS; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(f->object, tracepoints[i]);
		f->links[i] = bpf_program__attach(program);
		if (!f->links[i])
			return err_set(e, -errno, "cannot follow processes");
	}
	return 0;
}

int follow_load(struct follow *f, struct stacks *stacks, events_finished_fn finished,
		events_changed_fn changed, void *ctx, struct err *e)
{
	privilege_raise_memlock();
	int rc = bpf_object_load(f->object, e);

	if (rc < 0)
		return rc;
	f->targets_fd = bpf_object_map_fd(f->object, "targets");
	f->counters_fd = bpf_object_map_fd(f->object, "counters");
	rc = bpf_tables_init(&f->tables, f->object, f->options.all, e);
	if (rc < 0)
		return rc;
	if (pool_init(&f->pool, f->tables.mappings, f->tables.mappings_len) < 0)
		return err_set(e, -ENOMEM, "cannot keep mappings");
	code_files_init(&f->files, f->tables.tables);
	processes_init(&f->processes, &f->files, &f->pool,
		       bpf_object_map_fd(f->object, "processes"));
	rc = sideband_open(sideband_handle, &f->processes, &f->sideband, e);
	if (rc < 0)
		return rc;
	f->events = (struct events){
		.processes = &f->processes,
		.stacks = stacks,
		.tables = f->tables.tables,
		.sideband = f->sideband,
		.finished = finished,
		.changed = changed,
		.ctx = ctx,
		.deadline_ns = UINT64_MAX,
	};
	f->ring = ring_buffer__new(bpf_object_map_fd(f->object, "ring"), events_handle, &f->events,
				   NULL);
	return f->ring ? tracepoints_attach(f, e)
		       : err_set(e, -errno, "cannot map the ring buffer");
}

void follow_deinit(struct follow *f)
{
	for (size_t i = 0; i < FOLLOW_TRACEPOINTS; i++)
		bpf_link__destroy(f->links[i]);
	ring_buffer__free(f->ring);
	sideband_close(f->sideband);
	processes_deinit(&f->processes);
	vec_deinit(&f->events.recalled);
	code_files_deinit(&f->files);
	pool_deinit(&f->pool);
	bpf_tables_deinit(&f->tables);
	bpf_object__close(f->object);
}

/* ---- Targets ------------------------------------------------------------------------------- */

static int target_add(struct follow *f, pid_t pid, struct err *e)
{
	struct proc_status status;
	uint32_t key = (uint32_t)pid, one = 1;
	int rc = proc_status_read(pid, &status, e);

	if (rc < 0)
		return rc == -ESRCH ? err_plain(e, rc, "no process with PID %d", pid) : rc;
	if (status.kernel_thread)
		return err_plain(
			e, -EINVAL,
			"%d is a kernel thread ('%s'); -a profiles the kernel's threads too", pid,
			status.comm);
	if (bpf_map_update_elem(f->targets_fd, &key, &one, BPF_ANY) < 0)
		return err_set(e, -errno, "cannot follow process %d", pid);
	struct process *p = processes_add(&f->processes, pid, true);
	if (!p)
		return err_set(e, -ENOMEM, "cannot follow process %d", pid);
	p->cpu_base_ns = p->cpu_ns = status.cpu_ns;
	return 0;
}

/*
 * The descendants that live now. The fork tracepoint follows the children of targets already, so
 * only a look that finds nobody new is the last.
 */
static int descendants_add(struct follow *f, struct err *e)
{
	struct pid_list found = { 0 };
	bool again = f->options.children;
	int rc = 0;

	while (rc == 0 && again) {
		again = false;
		rc = proc_descendants(f->options.pids, f->options.npids, &found, e);
		for (size_t i = 0; rc == 0 && i < found.len; i++) {
			if (processes_find(&f->processes, found.items[i]))
				continue;
			/* One that ended since it was listed is no loss. */
			if (target_add(f, found.items[i], NULL) == 0)
				again = true;
		}
	}
	vec_deinit(&found);
	return rc;
}

/* Every process of the machine, so that their first samples need no copies of their stacks. */
static int everything_prepare(struct follow *f, struct err *e)
{
	struct pid_list pids = { 0 };
	int rc = proc_list(&pids, e);

	for (size_t i = 0; rc == 0 && i < pids.len; i++)
		processes_discover(&f->processes, pids.items[i]);
	vec_deinit(&pids);
	processes_refresh_stale(&f->processes);
	return rc;
}

int follow_targets(struct follow *f, struct err *e)
{
	if (f->options.all)
		return everything_prepare(f, e);
	for (size_t i = 0; i < f->options.npids; i++) {
		int rc = target_add(f, f->options.pids[i], e);
		if (rc < 0)
			return rc;
	}
	int rc = descendants_add(f, e);
	processes_refresh_stale(&f->processes);
	return rc;
}

int follow_retarget(struct follow *f, const pid_t *pids, size_t npids, struct err *e)
{
	f->options.pids = pids;
	f->options.npids = npids;
	/* How those before ended. */
	follow_drain_ring(f);
	sideband_consume(f->sideband);
	return follow_targets(f, e);
}

static void preload(void *files, const char *path)
{
	code_files_preload(files, path, NULL);
}

void follow_preload(struct follow *f, const char *path)
{
	needed_each(path, preload, &f->files);
}

/* ---- Keeping current ----------------------------------------------------------------------- */

/*
 * Handle what is in the ring, for `budget_ns` at most: walks may be slower to finish than they
 * arrive, and then the clock and the signals must have their turn. -EAGAIN: there is more.
 */
static int ring_consume(struct follow *f, uint64_t budget_ns)
{
	f->events.deadline_ns = clock_mono_ns() + budget_ns;
	int rc = ring_buffer__consume(f->ring);
	return rc < 0 ? rc : 0;
}

/*
 * Sleep until the ring or the side band has something, for `timeout_ms` at most. On a machine that
 * executes many programs the side band is always busy: it wakes us no more often than every
 * SIDEBAND_NS.
 */
static int follow_sleep(struct follow *f, int timeout_ms)
{
	bool listen = clock_mono_ns() - f->sideband_ns >= SIDEBAND_NS;
	struct pollfd fds[] = {
		{ .fd = ring_buffer__epoll_fd(f->ring), .events = POLLIN },
		{ .fd = listen ? sideband_fd(f->sideband) : -1, .events = POLLIN },
	};

	if (!listen && timeout_ms > (int)(SIDEBAND_NS / 1000000))
		timeout_ms = SIDEBAND_NS / 1000000;
	if (poll(fds, ARRAY_SIZE(fds), timeout_ms) < 0)
		return -errno;
	if (fds[1].revents)
		f->sideband_ns = clock_mono_ns();
	return 0;
}

static int follow_turn(struct follow *f, int timeout_ms, struct err *e)
{
	int rc = follow_sleep(f, timeout_ms);

	if (rc == -EINTR)
		return rc;
	if (rc == 0)
		rc = ring_consume(f, RING_TURN_NS);
	if (rc < 0 && rc != -EAGAIN)
		return err_set(e, rc, "cannot read the ring buffer");
	sideband_consume(f->sideband);
	processes_refresh_stale(&f->processes);
	return 0;
}

int follow_poll(struct follow *f, int timeout_ms, int (*due)(void *ctx, struct err *e), void *ctx,
		struct err *e)
{
	uint64_t end = clock_mono_ns() + (uint64_t)timeout_ms * 1000000;

	for (;;) {
		uint64_t now = clock_mono_ns();
		int left_ms = now < end ? (int)((end - now + 999999) / 1000000) : 0;
		int rc = follow_turn(f, left_ms < POLL_STEP_MS ? left_ms : POLL_STEP_MS, e);
		if (rc == 0)
			rc = due(ctx, e);
		if (rc < 0 || clock_mono_ns() >= end)
			return rc;
	}
}

void follow_drain_ring(struct follow *f)
{
	ring_consume(f, RING_DRAIN_NS);
}

int follow_drain(struct follow *f, struct counts *counts, counts_fn fn, void *ctx, struct err *e)
{
	int rc = counts_swap(counts, e);

	if (rc < 0)
		return rc;
	pool_settle(&f->pool);
	/* The stacks of that hash are in the ring before anything that came later. */
	follow_drain_ring(f);
	return counts_drain(counts, fn, ctx, e);
}

/* ---- Figures ------------------------------------------------------------------------------- */

uint64_t follow_counter(const struct follow *f, uint32_t counter)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *values = calloc((size_t)cpus, sizeof(*values));
	uint64_t sum = 0;

	if (values && bpf_map_lookup_elem(f->counters_fd, &counter, values) == 0)
		for (int i = 0; i < cpus; i++)
			sum += values[i];
	return sum;
}

uint64_t follow_unfollowed(const struct follow *f)
{
	return follow_counter(f, COUNTER_LOST_PROCESSES) + follow_counter(f, COUNTER_LOST_TASKS);
}

uint64_t follow_rows(const struct follow *f)
{
	struct unwind_tables_stats stats;

	unwind_tables_stats(f->tables.tables, &stats);
	return stats.rows;
}

uint32_t follow_verified_insns(const struct follow *f)
{
	uint32_t sum = 0;
	struct bpf_program *program;

	bpf_object__for_each_program(program, f->object) sum +=
		bpf_program_verified_insns(bpf_program__fd(program));
	return sum;
}
