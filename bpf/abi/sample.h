/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What every kind of profile shares between its BPF programs and its loader: samples with their
 * stacks, and the life of the targets.
 *
 * Counts travel in a hash that user space swaps and drains about once a second; everything else
 * comes through one ring buffer. The frames of a stack always reach the ring before its first count
 * reaches the hash.
 */
#pragma once

#include "abi/unwind.h"

#define COMM_SIZE 16

/* Whether a sample has a user stack. */
enum sample_user {
	SAMPLE_USER_NONE,   /* none exists: a kernel thread, or a task whose execve has left the
			       old program */
	SAMPLE_USER_STACK,  /* there is, or should be, one */
	SAMPLE_USER_EXECVE, /* in execve, which may have taken it away: NONE unless the walk is
			       complete */
};

/* A stack and its labels. Labels that were not asked for are zero. */
struct sample_key {
	__u64 stack[2];  /* the stack's 128-bit identity */
	__u32 tgid, tid; /* as seen in the profiler's PID namespace */
	__u32 cpu;
	__u16 end;  /* enum unwind_end of the user part */
	__u16 user; /* enum sample_user */
	char comm[COMM_SIZE];
};
_Static_assert(sizeof(struct sample_key) == 48, "keys are compared as bytes");

/* What is known of a process: its slice of the sorted mappings. */
struct process_slice {
	__u64 tag; /* changes with exec and with the reuse of a PID; 0: taken from the first sample
		    */
	__u32 first, count;
};

enum event_type {
	EVENT_STACK,    /* the frames of a stack */
	EVENT_DEFERRED, /* a sample whose walk user space is to finish */
	EVENT_FORK,
	EVENT_EXEC,
	EVENT_EXIT,
};

/*
 * EVENT_STACK and EVENT_DEFERRED: kernel frames, then user frames, both leaf first; behind the
 * frames, `stack_bytes` of memory from state.sp upwards. In a DEFERRED the state is that of the
 * first frame not recorded, and key.end says why BPF stopped there.
 */
struct sample_event {
	__u32 type; /* enum event_type */
	__u32 frames_len;
	__u32 kernel_len; /* of them, kernel frames */
	__u32 stack_bytes;
	struct sample_key key;
	__u64 time_ns; /* bpf_ktime_get_ns() */
	__u64 tag;
	struct unwind_state state;
};
_Static_assert(sizeof(struct sample_event) % 8 == 0, "frames follow");

/* EVENT_FORK, _EXEC and _EXIT. */
struct task_event {
	__u32 type;
	__u32 tgid;
	__u32 parent; /* FORK: the parent's tgid */
	__u32 pad;
	__u64 time_ns; /* bpf_ktime_get_ns() */
	__u64 tag;     /* EXEC: of the new program */
	__u64 cpu_ns;  /* EXIT: CPU time of the whole process, at least: threads that end at this
			  very moment may be missing */
};

#define STACK_COPY_MAX  65536 /* copied for a deferred sample */
#define STACK_COPY_STEP 256   /* bytes read at once: what a copy may miss at the stack's end */
#define WALK_DATA_WORDS ((UNWIND_FRAMES_MAX + UNWIND_KERNEL_FRAMES_MAX) + STACK_COPY_MAX / 8)

/* Where a walk works. Its owner has it to itself for as long as the walk lasts. */
struct walk_scratch {
	__u32 first, count;            /* the process's slice of the mappings */
	struct unwind_mapping mapping; /* the last one found */
	__u64 interrupted;             /* the walk has passed a signal handler */
	struct sample_event sample;
	__u64 data[WALK_DATA_WORDS]; /* follows sample: both go out in one piece */
};

/* Counters, by index of the map `counters`. Each kind of profile has more, from COUNTER_KIND on. */
enum counter {
	COUNTER_LOST_RING,      /* samples: the ring buffer was full */
	COUNTER_LOST_COUNTS,    /* samples: the hash of counts was full */
	COUNTER_LOST_PROCESSES, /* children that could not be followed: the table of targets was
				   full */
	COUNTER_LOST_TASKS,     /* fork, exec and exit records that the ring had no room for */
	COUNTER_KIND,
};

#define COUNTERS_MAX 16
