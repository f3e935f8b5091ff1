// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * shares [SECONDS [THREADS]]: measures itself. Each thread works in four functions by turns of
 * random length, heading for 50, 30, 15 and 5 percent of its CPU time, and accounts what each used
 * by its CPU clock. At the end the account is printed: "NAME NS", one line a function.
 *
 * A function of true share p gets n p of n samples, give or take z sqrt(n p (1 - p)): a test takes
 * z = 4, which a true profiler misses once in 16,000 trials.
 */
#include <pthread.h>
#include <stdbool.h>

#include "target.h"

#define THREADS_MAX 64
#define FUNCTIONS   4

TARGET_ROW uint64_t share_half(uint64_t ns)
{
	return target_spin(ns);
}

TARGET_ROW uint64_t share_third(uint64_t ns)
{
	return target_spin(ns);
}

TARGET_ROW uint64_t share_seventh(uint64_t ns)
{
	return target_spin(ns);
}

TARGET_ROW uint64_t share_twentieth(uint64_t ns)
{
	return target_spin(ns);
}

static const struct {
	const char *name;
	uint64_t (*spin)(uint64_t ns);
	unsigned percent;
} functions[FUNCTIONS] = {
	{ "share_half", share_half, 50 },
	{ "share_third", share_third, 30 },
	{ "share_seventh", share_seventh, 15 },
	{ "share_twentieth", share_twentieth, 5 },
};

struct account {
	pthread_t thread;
	uint64_t deadline_ns;
	uint64_t used_ns[FUNCTIONS];
};

/* The function that is furthest behind its share. */
static unsigned function_next(const struct account *a)
{
	unsigned next = 0;

	for (unsigned i = 1; i < FUNCTIONS; i++)
		if (a->used_ns[i] * functions[next].percent <
		    a->used_ns[next] * functions[i].percent)
			next = i;
	return next;
}

static void *account_run(void *arg)
{
	struct account *a = arg;
	unsigned seed = (unsigned)(uintptr_t)a;

	while (!target_is_over(a->deadline_ns)) {
		unsigned i = function_next(a);

		a->used_ns[i] += functions[i].spin(100000 + (unsigned)rand_r(&seed) % 3000000);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct account accounts[THREADS_MAX];
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 1, 10));
	int threads = (int)target_arg(argc, argv, 2, 1);

	if (threads < 1 || threads > THREADS_MAX)
		return 2;
	target_ready();
	for (int i = 0; i < threads; i++) {
		accounts[i].deadline_ns = deadline_ns;
		if (i > 0 &&
		    pthread_create(&accounts[i].thread, NULL, account_run, &accounts[i]) != 0)
			return 1;
	}
	account_run(&accounts[0]);
	for (int i = 1; i < threads; i++)
		pthread_join(accounts[i].thread, NULL);
	for (unsigned f = 0; f < FUNCTIONS; f++) {
		uint64_t sum_ns = 0;

		for (int i = 0; i < threads; i++)
			sum_ns += accounts[i].used_ns[f];
		printf("%s %llu\n", functions[f].name, (unsigned long long)sum_ns);
	}
	return 0;
}
