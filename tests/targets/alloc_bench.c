// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * alloc_bench PAIRS: for each digit N on standard input, PAIRS pairs of malloc(64) and free in each
 * of N threads, 15 calls deep, and a line of the nanoseconds that a pair took by the threads' CPU
 * time and by the clock.
 */
#include <pthread.h>

#include "alloc.h"

#define DEPTH 15

static uint64_t pairs;
static pthread_barrier_t start;

TARGET_ROW void bench_pairs(void)
{
	for (uint64_t i = 0; i < pairs; i++) {
		void *volatile p = malloc(64);
		free(p);
	}
}

/* Called as often as makes it DEPTH frames with clone3, start_thread, work and bench_pairs. */
TARGET_ROW void bench_descend(int depth)
{
	if (depth > 0)
		bench_descend(depth - 1);
	else
		bench_pairs();
	TARGET_NO_TAIL_CALL();
}

struct thread {
	pthread_t id;
	uint64_t cpu_ns, wall_ns;
};

static void *work(void *arg)
{
	struct thread *thread = arg;

	pthread_barrier_wait(&start);
	uint64_t cpu_ns = target_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	uint64_t wall_ns = target_clock_ns(CLOCK_MONOTONIC);
	bench_descend(DEPTH - 5);
	thread->cpu_ns = target_clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	thread->wall_ns = target_clock_ns(CLOCK_MONOTONIC) - wall_ns;
	return NULL;
}

static void bench(unsigned threads)
{
	struct thread all[9];
	double cpu_ns = 0, wall_ns = 0;

	pthread_barrier_init(&start, NULL, threads);
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&all[i].id, NULL, work, &all[i]) != 0)
			abort();
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(all[i].id, NULL);
		cpu_ns += (double)all[i].cpu_ns;
		wall_ns += (double)all[i].wall_ns;
	}
	pthread_barrier_destroy(&start);
	alloc_say("%.2f %.2f\n", cpu_ns / threads / (double)pairs,
		  wall_ns / threads / (double)pairs);
}

int main(int argc, char **argv)
{
	char digit;

	pairs = (uint64_t)target_arg(argc, argv, 1, 100000);
	alloc_say("ready\n");
	while (read(STDIN_FILENO, &digit, 1) == 1) {
		if (digit < '1' || digit > '9')
			return 2;
		bench((unsigned)(digit - '0'));
	}
	return 0;
}
