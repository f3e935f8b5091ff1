/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The one door to a live profile: open, poll, rotate, close. The command line, HTTP, watch and
 * agent all come through here. Not thread-safe; one session is one thread's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "proc/smaps.h"

struct profile;
struct session;

enum session_kind {
	SESSION_CPU,
	SESSION_HEAP, /* alloc_objects, alloc_space, inuse_objects, inuse_space */
};

enum session_label {
	SESSION_LABEL_PID = 1 << 0,
	SESSION_LABEL_TID = 1 << 1,
	SESSION_LABEL_THREAD = 1 << 2, /* the thread's name */
	SESSION_LABEL_CPU = 1 << 3,
	SESSION_LABEL_SIZE = 1 << 4, /* heap: the size class, a power of two */
};

struct session_heap_options {
	uint64_t rate_bytes;    /* mean bytes between two samples; 1: every call */
	uint32_t max_live;      /* sampled allocations that may live at once */
	const char *allocators; /* names as in probe/alloc_probes.h; NULL: all that are found */
	const char *probes;     /* how they are attached: "session", "multi" or "perf"; NULL: by the
				   best means that the kernel has */
	double max_overhead;    /* share of the targets' CPU time that probes may take; 0: any */
	bool alloc_default;     /* what is shown first is alloc_space, not inuse_space */
	bool keep_ended; /* what a process held when it ended stays in use: a search for leaks */
};

struct session_options {
	enum session_kind kind;
	const pid_t *pids; /* as seen in our PID namespace; ignored if `all` */
	size_t npids;
	bool all;        /* every process of the machine */
	bool children;   /* with pids: their descendants too, those that live now and later ones */
	bool user_only;  /* no kernel frames */
	bool no_symbols; /* addresses only */
	uint32_t hz;     /* CPU: samples per second and CPU, 1 to 10000 */
	struct session_heap_options heap;
	uint32_t labels; /* SESSION_LABEL_*; PID is implied where several processes are profiled */
	const char *preload;      /* the program that a target is about to execute: compiled
				     before, with what it needs; may be NULL */
	const char *command_line; /* recorded as the profile's first comment; may be NULL */
};

/** Why user stacks are incomplete, and where: one row for each reason and mapping, most samples
 * first. */
struct session_incomplete {
	const char *reason;  /* a few lowercase words, static */
	const char *mapping; /* file's path of the last frame found; lives until the next session
				call */
	uint64_t samples;
};

/** Samples that were taken but are not in the profile, by reason. */
struct session_lost {
	const char *reason; /* static */
	uint64_t samples;
};

#define SESSION_LOST_MAX 8

/** An instruction of an allocator that is probed. */
struct session_probe {
	const char *file, *function; /* live until the session is closed */
	uint64_t offset;             /* in the file, of the probed instruction */
	int64_t from_entry;          /* bytes behind the function's first */
	bool emulated;    /* by the kernel; else it is single-stepped, ten times as dear */
	const char *what; /* static: what is seen there, or of the call's end */
	const char *why;  /* static: why this instruction and no cheaper one */
};

/** What a heap profile tells beside its samples, since open. Bytes and objects are estimates. */
struct session_heap_stats {
	const char *link;       /* how probes are attached */
	uint64_t allocs, frees; /* calls seen */
	uint64_t sampled;       /* of them, calls that were recorded */
	uint64_t nested;        /* sampled calls left out: made by an allocator's own functions */
	uint64_t rate_bytes;    /* now */
	uint32_t raised;        /* how often it was doubled */
	double alloc_objects, alloc_bytes, inuse_objects, inuse_bytes;
	uint64_t live;      /* sampled allocations that live */
	uint64_t untracked; /* sampled allocations whose free could not be seen: never in use */
	uint64_t failed, reused;
	/* Of the targets that still lived when sampling stopped or a profile was handed over; all 0
	 * before, and if none did. */
	struct proc_smaps resident;
	uint64_t exits;               /* allocations by functions whose exits are probed */
	double alloc_ns, free_ns;     /* what a call costs that is not sampled, */
	double exit_ns;               /* and how much more where its exits are probed */
	double cost_ns;               /* what all calls cost the targets */
	uint32_t windows, windows_on; /* seconds, and those in which allocations were probed */
	bool ended;                   /* frees alone cost more than max_overhead: probing is over */
	const struct session_probe *probes; /* live until the next session call */
	size_t probes_len;
	uint64_t probe_errors;   /* files in processes that could not be probed */
	const char *probe_error; /* why, the last one; or NULL */
	uint64_t unprobed; /* processes that ended without: too soon, or there is no allocator */
	uint64_t late;     /* programs that ran already when they were probed, */
	uint64_t late_ns;  /* and for how long at most */
};

struct session_stats {
	uint64_t duration_ns;  /* since open or the last rotate */
	uint64_t samples;      /* in the profile; heap: sampled allocations */
	uint64_t user_samples; /* of them, those that have or should have a user stack: all but
				  kernel threads' */
	uint64_t complete;     /* user samples whose stack reaches its root */
	uint64_t truncated;    /* user samples deeper than the limit */
	uint64_t lost;         /* samples taken and not in the profile: the sum of lost_by[] */
	uint64_t throttled;    /* ticks that the kernel throttled, of whatever program ran then */
	uint64_t sampled_ns;   /* CPU: time that the samples stand for */
	uint64_t
		kernel_ns; /* the kernel's own count for the targets, utime + stime; 0 with `all` */
	uint64_t self_cpu_ns;    /* the profiler's own CPU time */
	uint64_t unfollowed;     /* records of forks, execs and exits that were lost */
	uint64_t not_installed;  /* times that BPF's tables had no room for a process's mappings */
	uint64_t finished_walks; /* walks that BPF handed over, for a file just mapped or an
				    expression */
	uint64_t unwind_rows;    /* compiled from the files seen so far */
	uint32_t unwind_files;
	uint32_t verified_insns; /* that the kernel's verifier processed; 0: it does not tell
				    (before 5.16) */
	size_t targets_alive;
	const struct session_incomplete *incomplete; /* valid until the next session call */
	size_t incomplete_len;
	const char *const
		*problems; /* likewise: files that could not be read or compiled, and why */
	size_t problems_len;
	const struct session_lost *lost_by; /* likewise; only reasons that occurred */
	size_t lost_by_len;
	const struct session_heap_stats *heap; /* likewise; NULL for other kinds */
};

/** The part of resident anonymous memory that is in use by the profile: an estimate, and all of it
 * if more than that is in use, since what was never touched is not resident. */
static inline uint64_t session_heap_resident(const struct session_heap_stats *h)
{
	return h->inuse_bytes < (double)h->resident.anonymous ? (uint64_t)h->inuse_bytes
							      : h->resident.anonymous;
}

/**
 * Load, compile the targets' unwind tables, attach and start sampling. The caller frees *ret with
 * session_close(); it is untouched on failure. Errors: -ESRCH no such process, -EPERM a capability
 * is missing (the message names it), -EINVAL a kernel thread, and others, each with a message that
 * says what to do.
 */
int session_open(const struct session_options *o, struct session **ret, struct err *e);

/**
 * Drain and follow the targets for up to `timeout_ms`, returning early on signals (EINTR). 0, 1
 * once all targets have exited, or a negative errno.
 */
int session_poll(struct session *s, int timeout_ms, struct err *e);

/** The figures so far. */
void session_stats(struct session *s, struct session_stats *ret);

/**
 * Hand over a symbolized profile, and go on sampling: of everything since open or the last rotate
 * or, of the heap, since open. The caller owns *ret (profile_destroy()).
 */
int session_rotate(struct session *s, struct profile **ret, struct err *e);

/** Stop sampling at once, keeping what was sampled for session_rotate() and session_stats().
 * Idempotent. */
void session_stop(struct session *s);

/**
 * Begin anew with the targets, `preload` and `command_line` of `o`, which is else as it was for
 * session_open(): as a session of its own, but for what is loaded and compiled already, which
 * takes most of the time of opening one. Only after session_stop(), and once all targets have
 * ended; what was not handed over is gone. -ENOTSUP: this kind needs a new session (heap). After
 * another failure only session_close().
 */
int session_retarget(struct session *s, const struct session_options *o, struct err *e);

void session_close(struct session *s);
