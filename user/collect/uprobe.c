// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/uprobe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/status.h"

#define PMU     "/sys/bus/event_source/devices/uprobe"
#define CLOSERS 16 /* threads that close links at the same time */

/*
 * From include/uapi/linux/bpf.h of Linux 6.13, which the oldest headers that we build with lack:
 * enum bpf_attach_type, BPF_F_UPROBE_MULTI_RETURN, and the members of union bpf_attr for
 * BPF_LINK_CREATE.
 */
enum {
	ATTACH_UPROBE_MULTI = 48,
	ATTACH_UPROBE_SESSION = 57,
	MULTI_RETURN = 1,
};

struct multi_attr {
	uint32_t prog_fd;
	uint32_t target_fd;
	uint32_t attach_type;
	uint32_t link_flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t ref_ctr_offsets;
	uint64_t cookies;
	uint32_t count;
	uint32_t flags;
	int32_t pid;
	uint32_t zero; /* the kernel wants what it does not know to be 0 */
};
_Static_assert(sizeof(struct multi_attr) == 64, "as union bpf_attr has it");

const char *uprobe_kind_name(enum uprobe_kind kind)
{
	static const char *const names[] = {
		[UPROBE_SESSION] = "uprobe session",
		[UPROBE_MULTI] = "uprobe multi",
		[UPROBE_PERF] = "perf uprobe",
	};

	return names[kind];
}

int uprobe_expected_attach_type(enum uprobe_kind kind)
{
	static const int types[] = {
		[UPROBE_SESSION] = ATTACH_UPROBE_SESSION,
		[UPROBE_MULTI] = ATTACH_UPROBE_MULTI,
		[UPROBE_PERF] = 0,
	};

	return types[kind];
}

/* A descriptor, or a negative errno. */
static int link_create(struct multi_attr *attr)
{
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, attr, sizeof(*attr));

	return fd < 0 ? -errno : fd;
}

/* ---- What the kernel takes --------------------------------------------------------------------
 */

int uprobe_empty_program(enum uprobe_kind kind)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type =
			    (enum bpf_attach_type)uprobe_expected_attach_type(kind));

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "uprobe_trial", "GPL", insns, ARRAY_SIZE(insns),
			     &opts);
}

/* What the kernel answers to a link of a program that does nothing to a directory. */
static int trial(enum uprobe_kind kind, pid_t pid)
{
	_cleanup_close_ int prog = uprobe_empty_program(kind);
	if (prog < 0)
		return prog;
	uint64_t offset = 0;
	struct multi_attr attr = {
		.prog_fd = (uint32_t)prog,
		.attach_type = (uint32_t)uprobe_expected_attach_type(kind),
		.path = (uintptr_t) "/",
		.offsets = (uintptr_t)&offset,
		.count = 1,
		.pid = pid,
	};
	int fd = link_create(&attr);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/*
 * A kernel that knows the link comes as far as the path, and that is no regular file: -EBADF.
 * Others know neither the attach type nor the attributes: -EINVAL.
 *
 * The change that made a link's PID stand for all threads of the process (46ba0e49b642 "bpf: fix
 * multi-uprobe PID filtering logic", 6.10 and stable kernels that have it) refuses a negative PID
 * before it looks at the path; kernels without it come to the path then too.
 */
enum uprobe_kind uprobe_kind_best(void)
{
	if (trial(UPROBE_SESSION, 0) == -EBADF)
		return UPROBE_SESSION;
	if (trial(UPROBE_MULTI, 0) == -EBADF && trial(UPROBE_MULTI, -1) == -EINVAL)
		return UPROBE_MULTI;
	return UPROBE_PERF;
}

static const char *const kind_words[] = {
	[UPROBE_SESSION] = "session",
	[UPROBE_MULTI] = "multi",
	[UPROBE_PERF] = "perf",
};

int uprobe_kind_parse(const char *name, enum uprobe_kind *ret, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(kind_words); i++) {
		if (strcmp(kind_words[i], name) == 0) {
			*ret = (enum uprobe_kind)i;
			return 0;
		}
	}
	return err_plain(e, -EINVAL, "'%s' is no kind of probe: there are session, multi, perf",
			 name);
}

int uprobe_kind_choose(const char *name, enum uprobe_kind *ret, struct err *e)
{
	enum uprobe_kind best = uprobe_kind_best(), kind = best;
	int rc = name ? uprobe_kind_parse(name, &kind, e) : 0;

	if (rc < 0)
		return rc;
	if (kind < best)
		return err_plain(e, -EOPNOTSUPP,
				 "this kernel has no '%s' probes: its best are '%s'", name,
				 kind_words[best]);
	*ret = kind;
	return 0;
}

/* ---- Detaching --------------------------------------------------------------------------------
 */

/* Links that one thread closes, and how many there are. */
struct closer {
	pthread_t thread;
	const int *fds;
	size_t n, first, step;
};

static void *closer_run(void *closer)
{
	const struct closer *c = closer;

	for (size_t i = c->first; i < c->n; i += c->step)
		close(c->fds[i]);
	return NULL;
}

/*
 * A close waits until no CPU can still be in the probe's handler, and those that wait together wait
 * once: on 6.18, twelve links closed by threads took 60 to 80 ms, one after the other 600.
 */
static void links_close(const int *fds, size_t n)
{
	struct closer closers[CLOSERS];
	size_t len = n < CLOSERS ? n : CLOSERS;
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (size_t i = 0; i < len; i++) {
		closers[i] = (struct closer){ .fds = fds, .n = n, .first = i, .step = len };
		/* The last share is ours, and that of a thread that cannot be had. */
		if (i + 1 == len ||
		    pthread_create(&closers[i].thread, NULL, closer_run, &closers[i]) != 0) {
			closers[i].thread = pthread_self();
			closer_run(&closers[i]);
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	for (size_t i = 0; i < len; i++) {
		if (!pthread_equal(closers[i].thread, pthread_self()))
			pthread_join(closers[i].thread, NULL);
	}
}

/* ---- Attaching --------------------------------------------------------------------------------
 */

static int multi_attach(enum uprobe_kind kind, int prog_fd, bool is_return, pid_t pid,
			const char *path, const uint64_t *offsets, size_t n)
{
	struct multi_attr attr = {
		.prog_fd = (uint32_t)prog_fd,
		.attach_type = (uint32_t)uprobe_expected_attach_type(kind),
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.count = (uint32_t)n,
		.flags = is_return ? MULTI_RETURN : 0,
		.pid = pid,
	};

	return link_create(&attr);
}

/* A number that a file of the PMU holds after `prefix`; a negative errno. */
static int pmu_read(const char *path, const char *prefix)
{
	char format[32];
	int value;

	_cleanup_fclose_ FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	snprintf(format, sizeof(format), "%s%%d", prefix);
	return fscanf(file, format, &value) == 1 && value >= 0 ? value : -EPROTO;
}

static int perf_attach(int prog_fd, bool is_return, pid_t pid, const char *path, uint64_t offset)
{
	int type = pmu_read(PMU "/type", "");
	int return_bit = pmu_read(PMU "/format/retprobe", "config:");
	if (type < 0 || return_bit < 0)
		return type < 0 ? type : return_bit;
	struct perf_event_attr attr = {
		.type = (uint32_t)type,
		.size = sizeof(attr),
		.config = is_return ? 1ULL << return_bit : 0,
		.uprobe_path = (uintptr_t)path,
		.probe_offset = offset,
	};
	/* The event is the main thread's, its probe its memory's: all threads run the program. */
	_cleanup_close_ int fd =
		(int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog_fd) < 0 ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
		return -errno;
	return steal_fd(&fd);
}

/* Of places that the kernel refuses together, the first that it refuses by itself. */
static uint64_t refused_offset(enum uprobe_kind kind, int prog_fd, bool is_return, pid_t pid,
			       const char *path, const uint64_t *offsets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int fd = multi_attach(kind, prog_fd, is_return, pid, path, &offsets[i], 1);

		if (fd == -EINVAL)
			return offsets[i];
		if (fd >= 0)
			close(fd);
	}
	return offsets[0];
}

/* Says which file, by the name that it has for the kernel. */
static int attach_error(struct err *e, int rc, const char *link, pid_t pid, uint64_t offset,
			size_t n)
{
	char file[256];
	ssize_t len = readlink(link, file, sizeof(file) - 1);

	file[len < 0 ? 0 : len] = '\0';
	/* The kernel keeps one probe for a place, with one counter or none: -EINVAL for the other.
	 */
	if (rc == -EINVAL)
		return err_plain(
			e, rc,
			"the kernel takes no probe at offset 0x%llx of '%s': its log tells "
			"whether another tool holds one there with a reference counter, as "
			"for USDT; end that tool first",
			(unsigned long long)offset, file);
	if (n == 1)
		return err_set(e, rc, "cannot probe '%s' at offset 0x%llx in process %d", file,
			       (unsigned long long)offset, (int)pid);
	return err_set(e, rc, "cannot probe %zu places of '%s' in process %d", n, file, (int)pid);
}

/* A uprobe's filter compares memories, and asks the main thread for its own. */
static int process_check(pid_t pid, struct err *e)
{
	struct proc_status status;
	int rc = proc_status_read(pid, &status, e);

	if (rc == 0 && proc_status_is_zombie(&status))
		return err_plain(e, -ESRCH,
				 "the main thread of process %d has ended: its memory cannot be "
				 "probed without it",
				 (int)pid);
	return rc;
}

int uprobe_attach(struct uprobe_links *links, enum uprobe_kind kind, int prog_fd, bool is_return,
		  pid_t pid, int file_fd, const uint64_t *offsets, size_t n, struct err *e)
{
	char path[64];
	size_t before = links->fds.len;
	size_t fds = kind == UPROBE_PERF ? n : 1;

	if (n == 0)
		return 0;
	int rc = process_check(pid, e);
	if (rc < 0)
		return rc;
	if (vec_reserve(&links->fds, before + fds) < 0)
		return err_set(e, -ENOMEM, "probes");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	for (size_t i = 0; i < fds; i++) {
		int fd = kind == UPROBE_PERF
				 ? perf_attach(prog_fd, is_return, pid, path, offsets[i])
				 : multi_attach(kind, prog_fd, is_return, pid, path, offsets, n);
		if (fd < 0) {
			links_close(links->fds.items + before, links->fds.len - before);
			links->fds.len = before;
			uint64_t offset = offsets[i];
			if (fd == -EINVAL && kind != UPROBE_PERF)
				offset = refused_offset(kind, prog_fd, is_return, pid, path,
							offsets, n);
			return attach_error(e, fd, path, pid, offset, n - fds + 1);
		}
		links->fds.items[links->fds.len++] = fd;
	}
	return 0;
}

void uprobe_detach(struct uprobe_links *links)
{
	links_close(links->fds.items, links->fds.len);
	vec_deinit(&links->fds);
}

void uprobe_links_move(struct uprobe_links *to, struct uprobe_links *from)
{
	if (from->fds.len && vec_reserve(&to->fds, to->fds.len + from->fds.len) == 0) {
		vec_for_each(fd, &from->fds)
			to->fds.items[to->fds.len++] = *fd;
		from->fds.len = 0;
	}
	uprobe_detach(from);
}

static void *detaching_run(void *detaching)
{
	struct uprobe_detaching *d = detaching;

	uprobe_detach(&d->links);
	return NULL;
}

void uprobe_detach_start(struct uprobe_detaching *d, struct uprobe_links *links)
{
	sigset_t all, old;

	uprobe_detach_finish(d);
	uprobe_links_move(&d->links, links);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	d->running = pthread_create(&d->thread, NULL, detaching_run, d) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!d->running)
		uprobe_detach(&d->links);
}

void uprobe_detach_finish(struct uprobe_detaching *d)
{
	if (d->running)
		pthread_join(d->thread, NULL);
	d->running = false;
}
