// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * alloc_cross [COUNT]: eight threads make COUNT allocations each, or go on until they are told to
 * stop if it is 0, and put them into slots that all share; who takes a slot frees what another has
 * put there.
 */
#include <pthread.h>

#include "alloc.h"

#define THREADS 8
#define SLOTS   256

static void *slots[SLOTS];
static uint64_t count;
static volatile int stop;
static struct alloc_row *row;

/* Remembers its size, as free() is not told. */
TARGET_ROW size_t *cross_allocate(size_t size)
{
	size_t *p = malloc(size);

	if (!p)
		abort();
	*p = size;
	alloc_add(row, size);
	return p;
}

TARGET_ROW void cross_free(size_t *p)
{
	if (!p)
		return;
	alloc_remove(row, *p);
	free(p);
}

static void *work(void *seed)
{
	uint64_t x = (uintptr_t)seed;

	for (uint64_t i = 0; count ? i < count : !stop; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		size_t *p = cross_allocate(16 + (x >> 40) % 2000);
		cross_free(__atomic_exchange_n(&slots[(x >> 33) % SLOTS], p, __ATOMIC_ACQ_REL));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	count = (uint64_t)target_arg(argc, argv, 1, 10000);
	row = alloc_row("cross_allocate");
	alloc_begin();
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(i + 1)) != 0)
			return 1;
	if (count == 0)
		alloc_wait();
	stop = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	alloc_end();
	return 0;
}
