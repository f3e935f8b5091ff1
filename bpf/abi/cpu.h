/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What the CPU profile's BPF programs and their loader share.
 *
 * Counts travel in a hash that user space swaps and drains about once a second; everything else
 * comes through one ring buffer. The frames of a stack always reach the ring before its first count
 * reaches the hash.
 */
#pragma once

#include "abi/unwind.h"

#define CPU_COMM_SIZE 16

/* Whether a sample has a user stack. */
enum cpu_user {
	CPU_USER_NONE,   /* none exists: a kernel thread, or a task whose execve has left the old
			    program */
	CPU_USER_STACK,  /* there is, or should be, one */
	CPU_USER_EXECVE, /* in execve, which may have taken it away: NONE unless the walk is
			    complete */
};

/* One line of the profile: a stack and its labels. Labels that were not asked for are zero. */
struct cpu_key {
	__u64 stack[2];  /* the stack's 128-bit identity */
	__u32 tgid, tid; /* as seen in the profiler's PID namespace */
	__u32 cpu;
	__u16 end;  /* enum unwind_end of the user part */
	__u16 user; /* enum cpu_user */
	char comm[CPU_COMM_SIZE];
};
_Static_assert(sizeof(struct cpu_key) == 48, "keys are compared as bytes");

struct cpu_value {
	__u64 samples;
	__u64 ns; /* CPU time that these samples stand for */
};

/* What is known of a process: its slice of the sorted mappings. */
struct cpu_process {
	__u64 tag; /* changes with exec and with the reuse of a PID; 0: taken from the first sample
		    */
	__u32 first, count;
};

enum cpu_event_type {
	CPU_EVENT_STACK,    /* the frames of a stack */
	CPU_EVENT_DEFERRED, /* a sample whose walk user space is to finish */
	CPU_EVENT_FORK,
	CPU_EVENT_EXEC,
	CPU_EVENT_EXIT,
};

/*
 * CPU_EVENT_STACK and CPU_EVENT_DEFERRED: kernel frames, then user frames, both leaf first; behind
 * the frames, `stack_bytes` of memory from state.sp upwards. In a DEFERRED the state is that of the
 * first frame not recorded, and key.end says why BPF stopped there.
 */
struct cpu_sample {
	__u32 type; /* enum cpu_event_type */
	__u32 frames_len;
	__u32 kernel_len; /* of them, kernel frames */
	__u32 stack_bytes;
	struct cpu_key key;
	__u64 time_ns; /* bpf_ktime_get_ns() */
	__u64 tag;
	struct unwind_state state;
};
_Static_assert(sizeof(struct cpu_sample) % 8 == 0, "frames follow");

/* CPU_EVENT_FORK, _EXEC and _EXIT. */
struct cpu_task {
	__u32 type;
	__u32 tgid;
	__u32 parent; /* FORK: the parent's tgid */
	__u32 pad;
	__u64 time_ns; /* bpf_ktime_get_ns() */
	__u64 tag;     /* EXEC: of the new program */
	__u64 cpu_ns;  /* EXIT: CPU time of the whole process, at least: threads that end at this
			  very moment may be missing */
};

#define CPU_STACK_BYTES_MAX 65536 /* copied for a deferred sample */
#define CPU_STACK_STEP      256   /* bytes read at once: what a copy may miss at the stack's end */
#define CPU_DATA_WORDS      ((UNWIND_FRAMES_MAX + UNWIND_KERNEL_FRAMES_MAX) + CPU_STACK_BYTES_MAX / 8)

/* One per CPU. The interrupt has it to itself: a CPU's cpu-clock event cannot interrupt its own
 * handler. */
struct cpu_scratch {
	__u32 first, count;            /* the process's slice of the mappings */
	struct unwind_mapping mapping; /* the last one found */
	struct cpu_sample sample;
	__u64 data[CPU_DATA_WORDS]; /* follows sample: both go out in one piece */
};

/* Counters, by index of the map `counters`. */
enum cpu_counter {
	CPU_LOST_RING,      /* the ring buffer was full */
	CPU_LOST_COUNTS,    /* the hash of counts was full */
	CPU_LOST_PROCESSES, /* children that could not be followed: the table of targets was full */
	CPU_LOST_TASKS,     /* fork, exec and exit records that the ring had no room for */
	CPU_COUNTERS,
};
