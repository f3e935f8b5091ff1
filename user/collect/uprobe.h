/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Attaching a BPF program to places in files, for one process: uprobes, by the best means that the
 * kernel has.
 *
 * libbpf 1.1 knows neither of the links, so this file calls bpf(2) itself. Not thread-safe.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"

/** How a program is attached; the better first. Programs are BPF_PROG_TYPE_KPROBE for all. */
enum uprobe_kind {
	/* One program at entry and return: what it returns at the entry, 1, skips the return
	 * (6.13).
	 */
	UPROBE_SESSION,
	UPROBE_MULTI, /* one link for many places (6.6; here from 6.10: see uprobe_kind_best()) */
	UPROBE_PERF,  /* a perf event for each place */
};

/**
 * The best kind that this kernel takes and that reaches all threads of a process. UPROBE_SESSION
 * implies that UPROBE_MULTI works too, UPROBE_PERF works everywhere. Found by what the kernel
 * answers, not by its version; no probe is planted. Without the privilege to load programs it is
 * UPROBE_PERF: attaching will then tell what is missing.
 */
enum uprobe_kind uprobe_kind_best(void);

/** The kind of a name: "session", "multi" or "perf". -EINVAL: there is no such kind. */
int uprobe_kind_parse(const char *name, enum uprobe_kind *ret, struct err *e);

/** The kind of a name, or of NULL the best. Also -EOPNOTSUPP: this kernel does not have it. */
int uprobe_kind_choose(const char *name, enum uprobe_kind *ret, struct err *e);

/** "uprobe session", "uprobe multi", "perf uprobe". */
const char *uprobe_kind_name(enum uprobe_kind kind);

/**
 * The expected attach type that a program must be loaded with, for
 * bpf_program__set_expected_attach_type(); 0 for UPROBE_PERF.
 */
int uprobe_expected_attach_type(enum uprobe_kind kind);

/** Load a program that does nothing and, in a session, wants every return: a descriptor, the
 * caller's, or a negative errno. */
int uprobe_empty_program(enum uprobe_kind kind);

/** What is attached; zeroed storage is nothing. */
struct uprobe_links {
	vec_of(int) fds;
};

/**
 * Attach a program to `n` places of a file, at offsets into the file, wherever process `pid` has
 * mapped them or will map them. All its threads hit them, no other process has a breakpoint, except
 * those that it forks (their hits run no program and go away with an exec, or when we detach).
 *
 * `file_fd` is open on the file, O_PATH suffices; the file may be deleted or of another mount
 * namespace. `is_return` probes the returns of the functions that begin there; not for
 * UPROBE_SESSION, which always sees both. The program must return 0 otherwise than as above.
 * A process whose main thread has ended is -ESRCH: the kernel finds no memory of it.
 *
 * All places or none: on failure what this call attached is gone, and *links as it was. The links
 * end with us, whatever kills us. All descriptors stay the caller's. -EINVAL also for a place that
 * the kernel cannot probe (not an instruction's first byte that it can decode, not in a
 * regular file).
 */
int uprobe_attach(struct uprobe_links *links, enum uprobe_kind kind, int prog_fd, bool is_return,
		  pid_t pid, int file_fd, const uint64_t *offsets, size_t n, struct err *e);

/** Move what is in *from to *to, to be detached together, which takes no longer than for one.
 * Without memory for that it is detached at once. */
void uprobe_links_move(struct uprobe_links *to, struct uprobe_links *from);

/** Take all breakpoints away and leave *links empty. Waits for the programs that are running. */
void uprobe_detach(struct uprobe_links *links);

/** A detaching that goes on beside; zeroed storage is none. */
struct uprobe_detaching {
	struct uprobe_links links;
	pthread_t thread;
	bool running;
};

/** As uprobe_detach(), but without waiting where a thread can be had. Waits for one that is still
 * going on; *d must stay where it is until uprobe_detach_finish(). */
void uprobe_detach_start(struct uprobe_detaching *d, struct uprobe_links *links);

/** Wait for the end of what was started, if anything was. */
void uprobe_detach_finish(struct uprobe_detaching *d);
