// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * alloc_bench PAIRS [THREADS]: for each byte on standard input, PAIRS pairs of malloc(64) and free
 * in each thread, 15 calls deep, and a line of the nanoseconds that a pair took.
 */
#include <pthread.h>

#include "alloc.h"

#define DEPTH       15
#define THREADS_MAX 64

static uint64_t pairs;
static pthread_barrier_t start, end;

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

static void *work(void *unused)
{
	for (;;) {
		pthread_barrier_wait(&start);
		bench_descend(DEPTH - 5);
		pthread_barrier_wait(&end);
	}
	return unused;
}

int main(int argc, char **argv)
{
	int threads = (int)target_arg(argc, argv, 2, 1);
	pthread_t thread;
	char byte;

	pairs = (uint64_t)target_arg(argc, argv, 1, 100000);
	if (threads < 1 || threads > THREADS_MAX)
		return 2;
	pthread_barrier_init(&start, NULL, (unsigned)threads + 1);
	pthread_barrier_init(&end, NULL, (unsigned)threads + 1);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&thread, NULL, work, NULL) != 0)
			return 1;
	alloc_say("ready\n");
	while (read(STDIN_FILENO, &byte, 1) == 1) {
		uint64_t from = target_clock_ns(CLOCK_MONOTONIC);
		pthread_barrier_wait(&start);
		pthread_barrier_wait(&end);
		alloc_say("%.2f\n",
			  (double)(target_clock_ns(CLOCK_MONOTONIC) - from) / (double)pairs);
	}
	return 0;
}
