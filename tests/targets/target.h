/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What the programs that tests profile have in common: when they are ready, when they end, and an
 * account of their own CPU time. C11 and C++.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Not inlined, and no copies under other names (.part, .constprop): a row of its own in a profile.
 */
#ifdef __clang__
#define TARGET_ROW __attribute__((noinline))
#else
#define TARGET_ROW __attribute__((noinline, noclone))
#endif

/* Part of its caller's row. */
#define TARGET_INLINE static inline __attribute__((always_inline, unused))

/* Keeps a call from becoming a jump, which would take the caller off the stack. */
#define TARGET_NO_TAIL_CALL() __asm__ volatile("" ::: "memory")

TARGET_INLINE uint64_t target_clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/** CPU time of the calling thread. */
TARGET_INLINE uint64_t target_cpu_ns(void)
{
	return target_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/** When a target that runs for `seconds` from now has to end, in monotonic nanoseconds. */
TARGET_INLINE uint64_t target_deadline_ns(double seconds)
{
	return target_clock_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
}

TARGET_INLINE int target_is_over(uint64_t deadline_ns)
{
	return target_clock_ns(CLOCK_MONOTONIC) >= deadline_ns;
}

/** The i-th argument as a number, or what it is by default. */
TARGET_INLINE double target_arg(int argc, char **argv, int i, double otherwise)
{
	return i < argc ? atof(argv[i]) : otherwise;
}

/** Tells the test, which waits for this line, that the work begins. */
TARGET_INLINE void target_ready(void)
{
	puts("ready");
	fflush(stdout);
}

/** About 20 us of arithmetic in the caller's own frame. */
TARGET_INLINE void target_work(void)
{
	volatile uint32_t x = 1;

	for (int i = 0; i < 8000; i++)
		x = x * 1664525u + 1013904223u;
}

/** Work until the calling thread has used `ns` of CPU; returns what it used, by its own clock. */
TARGET_INLINE uint64_t target_spin(uint64_t ns)
{
	uint64_t start = target_cpu_ns(), used;

	do {
		target_work();
		used = target_cpu_ns() - start;
	} while (used < ns);
	return used;
}
