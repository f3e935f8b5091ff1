/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The processes that are profiled: their mappings, kept in step with /proc and installed for BPF
 * to search. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/cpu.h"
#include "base/map.h"
#include "collect/files.h"
#include "collect/history.h"
#include "collect/pool.h"
#include "collect/sideband.h"
#include "proc/maps.h"

struct process {
	pid_t pid;
	uint64_t tag; /* that BPF gave to the program it runs now; 0: not known yet */
	bool target;  /* one that was asked for, or a descendant */
	bool alive;
	bool stale;       /* has new mappings since they were read */
	uint64_t read_ns; /* when they were read, CLOCK_MONOTONIC */
	struct mapping_list mappings;
	struct pool_slice slice; /* where BPF sees them */
	struct history history;
	/* Until then BPF is not to walk it: it maps code where other code was, and only the history
	 * tells which of the two a sample saw. */
	uint64_t unsteady_until_ns;
	uint32_t exe;         /* number of the executable's file, 0 if not known */
	uint64_t ended_ns;    /* CLOCK_MONOTONIC */
	uint64_t cpu_base_ns; /* CPU time used before it was profiled */
	uint64_t cpu_ns;      /* CPU time used, as last told */
};

/** Records of processes that are not known yet: their fork may be told after them. A ring. */
#define ORPHANS_MAX      2048
#define ORPHAN_PATH_SIZE 256

struct orphan {
	struct sideband_record record; /* its path is `path` */
	char path[ORPHAN_PATH_SIZE];
};

struct processes {
	struct map by_pid; /* u32 -> struct process * */
	struct code_files *files;
	struct pool *pool;
	int map_fd;             /* the BPF map `processes` */
	struct orphan *orphans; /* ORPHANS_MAX of them, allocated with the first */
	size_t orphans_len;     /* ever put; the last ORPHANS_MAX are there */
	struct proc_maps maps;  /* reading buffer */
	size_t alive_targets;
	uint64_t gone_cpu_ns; /* CPU time, while profiled, of ended targets whose PID was used again
			       */
	uint64_t not_installed; /* processes that BPF's tables had no room for */
};

void processes_init(struct processes *ps, struct code_files *files, struct pool *pool, int map_fd);
void processes_deinit(struct processes *ps);

/** The process of a PID; NULL if it is not known. */
struct process *processes_find(struct processes *ps, pid_t pid);

/** The process of a PID, added alive and unread if new or dead; NULL if out of memory. */
struct process *processes_add(struct processes *ps, pid_t pid, bool target);

/** The process of a sample that is no target's, added if new, with what was recorded of it; NULL if
 * out of memory. */
struct process *processes_discover(struct processes *ps, pid_t pid);

/**
 * Read the mappings of a process, compile files that are new, and install the result under p->tag.
 * If the process is gone, what was recorded of it serves. Returns 0 or a negative errno.
 */
int process_refresh(struct processes *ps, struct process *p, struct err *e);

/**
 * A child was forked at `time_ns`: it has what its parent (NULL: unknown) had until it executes,
 * and what was recorded of it before it was known.
 */
void process_inherit(struct processes *ps, struct process *child, const struct process *parent,
		     uint64_t time_ns);

/** The process runs another program now, `tag` by BPF's count: forget the old mappings. */
void process_executed(struct processes *ps, struct process *p, uint64_t tag);

/** The process has ended, having used `cpu_ns` (0: unknown). Its mappings stay for samples on their
 * way. */
void process_end(struct processes *ps, struct process *p, uint64_t cpu_ns);

/** Take note of what the side band tells of a process that is followed; NULL: something was lost.
 */
void processes_record(struct processes *ps, const struct sideband_record *r);

/** Read again every living process whose mappings are out of date. */
void processes_refresh_stale(struct processes *ps);

/** Once a second: update cpu_ns of living targets, end what is gone without a word, free what ended
 * ones had. */
void processes_check(struct processes *ps);

/** CPU time that all targets, ended ones too, have used since processes_rebase(), as last told. */
uint64_t processes_cpu_ns(const struct processes *ps);

/** Count the targets' CPU time from here on. */
void processes_rebase(struct processes *ps);
