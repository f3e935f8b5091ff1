// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * threads COUNT CPU_MS: COUNT threads, one after the other, each uses CPU_MS of CPU in short_work
 * and is gone; between them the main thread uses as much in long_work. Prints the account, "NAME
 * NS".
 */
#include <pthread.h>

#include "target.h"

TARGET_ROW uint64_t short_work(uint64_t ns)
{
	return target_spin(ns);
}

TARGET_ROW uint64_t long_work(uint64_t ns)
{
	return target_spin(ns);
}

static void *thread_run(void *arg)
{
	uint64_t *ns = arg;

	*ns = short_work(*ns);
	return NULL;
}

int main(int argc, char **argv)
{
	int count = (int)target_arg(argc, argv, 1, 1000);
	uint64_t each_ns = (uint64_t)(target_arg(argc, argv, 2, 5) * 1e6);
	uint64_t short_ns = 0, long_ns = 0;

	target_ready();
	for (int i = 0; i < count; i++) {
		uint64_t ns = each_ns;
		pthread_t thread;

		if (pthread_create(&thread, NULL, thread_run, &ns) != 0)
			return 1;
		pthread_join(thread, NULL);
		short_ns += ns;
		long_ns += long_work(each_ns);
	}
	printf("short_work %llu\nlong_work %llu\n", (unsigned long long)short_ns,
	       (unsigned long long)long_ns);
	return 0;
}
