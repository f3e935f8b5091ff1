// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/cpu.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "collect/bpf_object.h"
#include "collect/cpu_events.h"
#include "collect/needed.h"
#include "collect/sideband.h"
#include "collect/tables.h"
#include "collect/ticks.h"
#include "proc/privilege.h"
#include "proc/status.h"
#include "proc/tree.h"

extern const char bpf_object_cpu[], bpf_object_cpu_end[];

#define DRAIN_NS     NS_PER_SEC
#define POLL_STEP_MS 100
#define DRAIN_BATCH  4096u
#define FILES_WISHED 65536
#define SIDEBAND_NS  (NS_PER_SEC / 100)

/* How long the ring may hold us: in its turn, and before a hash of counts is emptied. */
#define RING_TURN_NS  (NS_PER_SEC / 20)
#define RING_DRAIN_NS (2 * NS_PER_SEC)

static const char *const tracepoints[] = { "cpu_fork", "cpu_exec", "cpu_exit" };

struct cpu_collector {
	struct bpf_object *object;
	struct bpf_link *links[ARRAY_SIZE(tracepoints)];
	struct bpf_tables tables;
	struct code_files files;
	struct pool pool;
	struct processes processes;
	struct samples samples;
	struct sideband *sideband;
	struct ticks ticks;
	struct cpu_events events;
	struct ring_buffer *ring;
	int counts_fd[2], counts_active; /* the two hashes, and which of them BPF fills */
	int counts_slot_fd, targets_fd, counters_fd;
	uint64_t drained_ns;
	uint64_t sideband_ns; /* when the side band last woke us */
	struct cpu_key *keys; /* DRAIN_BATCH of each */
	struct cpu_value *values;
};

/* ---- Loading ------------------------------------------------------------------------------- */

static uint32_t clamp_u64(uint64_t value, uint32_t low, uint32_t high)
{
	return value < low ? low : value > high ? high : (uint32_t)value;
}

static uint32_t power_of_two_from(uint64_t value)
{
	uint32_t power = 1;

	while (power < value && power < 1U << 31)
		power <<= 1;
	return power;
}

/* Samples in one drain interval at the most, with half as many again to spare. */
static uint32_t counts_entries(uint32_t hz)
{
	return clamp_u64((uint64_t)hz * (uint64_t)libbpf_num_possible_cpus() * 3 / 2, 4096,
			 1 << 18);
}

/* A second of stacks, with room to spare for the copies of deferred ones while a large file is
 * compiled. */
static uint32_t ring_bytes(uint32_t hz)
{
	uint64_t second = (uint64_t)hz * (uint64_t)libbpf_num_possible_cpus() * 4096;

	return power_of_two_from(clamp_u64(second, 1 << 22, 1 << 26));
}

static int object_configure(struct bpf_object *object, const struct cpu_options *o, struct err *e)
{
	uint64_t dev, inode, period_ns = NS_PER_SEC / o->hz;
	int rc = proc_pid_namespace(&dev, &inode, e);

	if (rc < 0)
		return rc;
	/* PROC_PID_INIT_INO: in the initial namespace numbers need no translation. */
	uint32_t namespace = inode == 0xEFFFFFFCU ? 0 : (uint32_t)inode;
	uint32_t ring = ring_bytes(o->hz);
	if ((rc = bpf_object_set(object, "pid_namespace_inode", namespace, e)) < 0 ||
	    (rc = bpf_object_set(object, "profile_all", o->all, e)) < 0 ||
	    (rc = bpf_object_set(object, "follow_children", o->children, e)) < 0 ||
	    (rc = bpf_object_set(object, "kernel_stacks", (bool)!o->user_only, e)) < 0 ||
	    (rc = bpf_object_set(object, "label_tid", o->label_tid, e)) < 0 ||
	    (rc = bpf_object_set(object, "label_cpu", o->label_cpu, e)) < 0 ||
	    (rc = bpf_object_set(object, "label_thread", o->label_thread, e)) < 0 ||
	    (rc = bpf_object_set(object, "period_ns", period_ns, e)) < 0 ||
	    (rc = bpf_object_set(object, "ring_wakeup_bytes", ring / 4, e)) < 0 ||
	    (rc = bpf_object_set_entries(object, "ring", ring, e)) < 0 ||
	    (rc = bpf_object_set_entries(object, "scratch", (uint32_t)libbpf_num_possible_cpus(),
					 e)) < 0)
		return rc;
	return bpf_tables_configure(object, o->all, e);
}

static int object_load(struct cpu_collector *c, const struct cpu_options *o, struct err *e)
{
	int rc = bpf_object_open_embedded("cprofbpf_cpu", bpf_object_cpu, bpf_object_cpu_end,
					  &c->object, e);

	if (rc < 0)
		return rc;
	rc = object_configure(c->object, o, e);
	if (rc < 0)
		return rc;
	privilege_raise_memlock();
	rc = bpf_object__load(c->object);
	if (rc < 0) {
		struct privilege privilege;
		privilege_read(&privilege);
		return privilege_explain_bpf(&privilege, rc, e);
	}
	return 0;
}

static int counts_create(struct cpu_collector *c, uint32_t hz, struct err *e)
{
	for (int i = 0; i < 2; i++) {
		c->counts_fd[i] =
			bpf_map_create(BPF_MAP_TYPE_HASH, "counts", sizeof(struct cpu_key),
				       sizeof(struct cpu_value), counts_entries(hz), NULL);
		if (c->counts_fd[i] < 0)
			return err_set(e, c->counts_fd[i], "cannot create the hash of counts");
	}
	uint32_t zero = 0;
	if (bpf_map_update_elem(c->counts_slot_fd, &zero, &c->counts_fd[0], BPF_ANY) < 0)
		return err_set(e, -errno, "cannot set the hash of counts");
	c->keys = calloc(DRAIN_BATCH, sizeof(*c->keys));
	c->values = calloc(DRAIN_BATCH, sizeof(*c->values));
	return c->keys && c->values ? 0 : err_set(e, -ENOMEM, "cannot drain counts");
}

static void sideband_handle(void *processes, const struct sideband_record *r)
{
	processes_record(processes, r);
}

/* Connect the rooms behind the loaded object. */
static int collector_connect(struct cpu_collector *c, const struct cpu_options *o, struct err *e)
{
	c->counts_slot_fd = bpf_object_map_fd(c->object, "counts_active");
	c->targets_fd = bpf_object_map_fd(c->object, "targets");
	c->counters_fd = bpf_object_map_fd(c->object, "counters");
	int rc = bpf_tables_init(&c->tables, c->object, o->all, e);
	if (rc < 0)
		return rc;
	if (pool_init(&c->pool, c->tables.mappings, c->tables.mappings_len) < 0)
		return err_set(e, -ENOMEM, "cannot keep mappings");
	code_files_init(&c->files, c->tables.tables);
	processes_init(&c->processes, &c->files, &c->pool,
		       bpf_object_map_fd(c->object, "processes"));
	rc = counts_create(c, o->hz, e);
	if (rc < 0)
		return rc;
	rc = sideband_open(sideband_handle, &c->processes, &c->sideband, e);
	if (rc < 0)
		return rc;
	c->events = (struct cpu_events){
		.processes = &c->processes,
		.samples = &c->samples,
		.tables = c->tables.tables,
		.sideband = c->sideband,
		.period_ns = NS_PER_SEC / o->hz,
		.deadline_ns = UINT64_MAX,
	};
	c->ring = ring_buffer__new(bpf_object_map_fd(c->object, "ring"), cpu_events_handle,
				   &c->events, NULL);
	return c->ring ? 0 : err_set(e, -errno, "cannot map the ring buffer");
}

static int tracepoints_attach(struct cpu_collector *c, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(tracepoints); i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(c->object, tracepoints[i]);
		c->links[i] = bpf_program__attach(program);
		if (!c->links[i])
			return err_set(e, -errno, "cannot follow processes");
	}
	return 0;
}

/* ---- Targets ------------------------------------------------------------------------------- */

static int target_add(struct cpu_collector *c, pid_t pid, struct err *e)
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
	if (bpf_map_update_elem(c->targets_fd, &key, &one, BPF_ANY) < 0)
		return err_set(e, -errno, "cannot follow process %d", pid);
	struct process *p = processes_add(&c->processes, pid, true);
	if (!p)
		return err_set(e, -ENOMEM, "cannot follow process %d", pid);
	p->cpu_base_ns = p->cpu_ns = status.cpu_ns;
	return 0;
}

/*
 * The descendants that live now. The fork tracepoint follows the children of targets already, so
 * only a look that finds nobody new is the last.
 */
static int descendants_add(struct cpu_collector *c, const struct cpu_options *o, struct err *e)
{
	struct pid_list found = { 0 };
	bool again = o->children;
	int rc = 0;

	while (rc == 0 && again) {
		again = false;
		rc = proc_descendants(o->pids, o->npids, &found, e);
		for (size_t i = 0; rc == 0 && i < found.len; i++) {
			if (processes_find(&c->processes, found.items[i]))
				continue;
			/* One that ended since it was listed is no loss. */
			if (target_add(c, found.items[i], NULL) == 0)
				again = true;
		}
	}
	vec_deinit(&found);
	return rc;
}

/* Every process of the machine, so that their first samples need no copies of their stacks. */
static int everything_prepare(struct cpu_collector *c, struct err *e)
{
	struct pid_list pids = { 0 };
	int rc = proc_list(&pids, e);

	for (size_t i = 0; rc == 0 && i < pids.len; i++)
		processes_discover(&c->processes, pids.items[i]);
	vec_deinit(&pids);
	processes_refresh_stale(&c->processes);
	return rc;
}

/* What can be known before the first sample is: files compiled, mappings installed. */
static int targets_prepare(struct cpu_collector *c, const struct cpu_options *o, struct err *e)
{
	if (o->all)
		return everything_prepare(c, e);
	for (size_t i = 0; i < o->npids; i++) {
		int rc = target_add(c, o->pids[i], e);
		if (rc < 0)
			return rc;
	}
	int rc = descendants_add(c, o, e);
	processes_refresh_stale(&c->processes);
	return rc;
}

/* ---- Life ---------------------------------------------------------------------------------- */

static int collector_start(struct cpu_collector *c, const struct cpu_options *o, struct err *e)
{
	int rc = object_load(c, o, e);

	if (rc < 0 || (rc = collector_connect(c, o, e)) < 0 ||
	    (rc = tracepoints_attach(c, e)) < 0 || (rc = targets_prepare(c, o, e)) < 0 ||
	    (rc = ticks_init(&c->ticks, o->hz, bpf_object_program_fd(c->object, "cpu_tick"), e)) <
		    0)
		return rc;
	c->drained_ns = clock_mono_ns();
	return ticks_start(&c->ticks, e);
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

int cpu_collector_open(const struct cpu_options *o, struct cpu_collector **ret, struct err *e)
{
	struct privilege privilege;

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
	struct cpu_collector *c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, -ENOMEM, "cannot start profiling");
	c->counts_fd[0] = c->counts_fd[1] = -1;
	samples_init(&c->samples);
	rc = collector_start(c, o, e);
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
	for (size_t i = 0; i < ARRAY_SIZE(tracepoints); i++)
		bpf_link__destroy(c->links[i]);
	ring_buffer__free(c->ring);
	sideband_close(c->sideband);
	processes_deinit(&c->processes);
	vec_deinit(&c->events.recalled);
	code_files_deinit(&c->files);
	pool_deinit(&c->pool);
	bpf_tables_deinit(&c->tables);
	bpf_object__close(c->object);
	for (int i = 0; i < 2; i++)
		if (c->counts_fd[i] >= 0)
			close(c->counts_fd[i]);
	samples_deinit(&c->samples);
	free(c->keys);
	free(c->values);
	free(c);
}

void cpu_collector_stop(struct cpu_collector *c)
{
	ticks_stop(&c->ticks);
}

/* ---- Draining ------------------------------------------------------------------------------ */

/*
 * Handle what is in the ring, for `budget_ns` at most: walks may be slower to finish than they
 * arrive, and then the clock and the signals must have their turn. -EAGAIN: there is more.
 */
static int ring_consume(struct cpu_collector *c, uint64_t budget_ns)
{
	c->events.deadline_ns = clock_mono_ns() + budget_ns;
	int rc = ring_buffer__consume(c->ring);
	return rc < 0 ? rc : 0;
}

/* Empty a hash that BPF no longer writes to. */
static int counts_drain(struct cpu_collector *c, int fd, struct err *e)
{
	uint32_t next = 0;
	bool first = true;

	for (;;) {
		uint32_t n = DRAIN_BATCH;
		int rc = bpf_map_lookup_and_delete_batch(fd, first ? NULL : &next, &next, c->keys,
							 c->values, &n, NULL);
		if (rc < 0 && errno != ENOENT)
			return err_set(e, -errno, "cannot drain the hash of counts");
		for (uint32_t i = 0; i < n; i++)
			samples_add(&c->samples, &c->keys[i], &c->values[i]);
		if (rc < 0)
			return 0;
		first = false;
	}
}

int cpu_collector_drain(struct cpu_collector *c, struct err *e)
{
	uint32_t zero = 0;
	int idle = c->counts_active;

	/* Replacing the inner map waits for an RCU grace period: nobody writes to the old one then.
	 */
	if (bpf_map_update_elem(c->counts_slot_fd, &zero, &c->counts_fd[!idle], BPF_ANY) < 0)
		return err_set(e, -errno, "cannot swap the hashes of counts");
	c->counts_active = !idle;
	pool_settle(&c->pool);
	/* The stacks of that hash are in the ring before anything that came later. */
	ring_consume(c, RING_DRAIN_NS);
	c->drained_ns = clock_mono_ns();
	return counts_drain(c, c->counts_fd[idle], e);
}

/* What is due by the clock. */
static int collector_due(struct cpu_collector *c, struct err *e)
{
	uint64_t now = clock_mono_ns();

	sideband_consume(c->sideband);
	processes_refresh_stale(&c->processes);
	ticks_redraw(&c->ticks, now);
	if (now - c->drained_ns < DRAIN_NS)
		return 0;
	processes_check(&c->processes);
	ticks_throttled(&c->ticks);
	return cpu_collector_drain(c, e);
}

/*
 * Sleep until the ring or the side band has something, for `timeout_ms` at most. On a machine that
 * executes many programs the side band is always busy: it wakes us no more often than every
 * SIDEBAND_NS.
 */
static int collector_sleep(struct cpu_collector *c, int timeout_ms)
{
	bool listen = clock_mono_ns() - c->sideband_ns >= SIDEBAND_NS;
	struct pollfd fds[] = {
		{ .fd = ring_buffer__epoll_fd(c->ring), .events = POLLIN },
		{ .fd = listen ? sideband_fd(c->sideband) : -1, .events = POLLIN },
	};

	if (!listen && timeout_ms > (int)(SIDEBAND_NS / 1000000))
		timeout_ms = SIDEBAND_NS / 1000000;
	if (poll(fds, ARRAY_SIZE(fds), timeout_ms) < 0)
		return -errno;
	if (fds[1].revents)
		c->sideband_ns = clock_mono_ns();
	return 0;
}

int cpu_collector_poll(struct cpu_collector *c, int timeout_ms, struct err *e)
{
	uint64_t end = clock_mono_ns() + (uint64_t)timeout_ms * 1000000;

	for (;;) {
		uint64_t now = clock_mono_ns();
		int left_ms = now < end ? (int)((end - now + 999999) / 1000000) : 0;
		int rc = collector_sleep(c, left_ms < POLL_STEP_MS ? left_ms : POLL_STEP_MS);
		if (rc == -EINTR)
			return rc;
		if (rc == 0)
			rc = ring_consume(c, RING_TURN_NS);
		if (rc < 0 && rc != -EAGAIN)
			return err_set(e, rc, "cannot read the ring buffer");
		rc = collector_due(c, e);
		if (rc < 0 || clock_mono_ns() >= end)
			return rc;
	}
}

/* ---- Results ------------------------------------------------------------------------------- */

struct samples *cpu_collector_samples(struct cpu_collector *c)
{
	return &c->samples;
}

const struct code_files *cpu_collector_files(const struct cpu_collector *c)
{
	return &c->files;
}

struct processes *cpu_collector_processes(struct cpu_collector *c)
{
	return &c->processes;
}

static void preload(void *files, const char *path)
{
	code_files_preload(files, path, NULL);
}

void cpu_collector_preload(struct cpu_collector *c, const char *path)
{
	needed_each(path, preload, &c->files);
}

static uint64_t counter_sum(const struct cpu_collector *c, uint32_t counter)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *values = calloc((size_t)cpus, sizeof(*values));
	uint64_t sum = 0;

	if (values && bpf_map_lookup_elem(c->counters_fd, &counter, values) == 0)
		for (int i = 0; i < cpus; i++)
			sum += values[i];
	return sum;
}

void cpu_collector_losses(struct cpu_collector *c, struct cpu_losses *ret)
{
	*ret = (struct cpu_losses){
		.ring = counter_sum(c, CPU_LOST_RING),
		.counts = counter_sum(c, CPU_LOST_COUNTS),
		.store = c->samples.lost_full,
		.stack = c->samples.lost_unknown + c->events.malformed,
		.unfollowed = counter_sum(c, CPU_LOST_PROCESSES) + counter_sum(c, CPU_LOST_TASKS),
		.not_installed = c->processes.not_installed,
		.throttled = ticks_throttled(&c->ticks),
		.deferred = c->events.deferred,
	};
}

uint64_t cpu_collector_rows(const struct cpu_collector *c)
{
	struct unwind_tables_stats stats;

	unwind_tables_stats(c->tables.tables, &stats);
	return stats.rows;
}

uint32_t cpu_collector_verified_insns(const struct cpu_collector *c)
{
	uint32_t sum = 0;
	struct bpf_program *program;

	bpf_object__for_each_program(program, c->object) sum +=
		bpf_program_verified_insns(bpf_program__fd(program));
	return sum;
}
