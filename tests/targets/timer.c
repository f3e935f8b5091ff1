// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * timer [SECONDS]: wakes up every 10 ms, as a sampler of 100 Hz does, and works for 3 ms in
 * tick_work. Prints the account, "NAME NS".
 */
#include <errno.h>

#include "target.h"

#define TICK_NS 10000000L
#define WORK_NS 3000000ULL

TARGET_ROW uint64_t tick_work(uint64_t ns)
{
	return target_spin(ns);
}

int main(int argc, char **argv)
{
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 1, 10));
	uint64_t used_ns = 0;
	struct timespec next;

	target_ready();
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!target_is_over(deadline_ns)) {
		next.tv_nsec += TICK_NS;
		if (next.tv_nsec >= 1000000000L) {
			next.tv_nsec -= 1000000000L;
			next.tv_sec++;
		}
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR)
			;
		used_ns += tick_work(WORK_NS);
	}
	printf("tick_work %llu\n", (unsigned long long)used_ns);
	return 0;
}
