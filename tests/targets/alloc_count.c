// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * alloc_count [-t THREADS] SIZE:COUNT[:KEEP]...: so many allocations of each power of two from 8 to
 * 67108864 bytes that is named, each size by a function of its own, alloc_8 and so on, in turns.
 * One in KEEP stays live, others are freed 16 calls later; without KEEP none stays. Memory is not
 * touched. Each thread does as much.
 */
#include <malloc.h>
#include <pthread.h>

#include "alloc.h"

#define ROUNDS 1000
#define LATER  16

/* clang-format off */
#define SIZES(X)                                                                                   \
	X(8) X(16) X(32) X(64) X(128) X(256) X(512) X(1024) X(2048) X(4096) X(8192) X(16384)       \
	X(32768) X(65536) X(131072) X(262144) X(524288) X(1048576) X(2097152) X(4194304)           \
	X(8388608) X(16777216) X(33554432) X(67108864)
/* clang-format on */

#define FUNCTION(size)                                                                             \
	TARGET_ROW void *alloc_##size(void)                                                        \
	{                                                                                          \
		void *p = malloc(size);                                                            \
		TARGET_NO_TAIL_CALL();                                                             \
		return p;                                                                          \
	}
SIZES(FUNCTION)

static const struct {
	size_t size;
	void *(*get)(void);
	const char *name;
} functions[] = {
#define ENTRY(size) { size, alloc_##size, "alloc_" #size },
	SIZES(ENTRY)
};

struct plan {
	int function;
	uint64_t count, keep;
	struct alloc_row *row;
};

static struct plan plans[sizeof(functions) / sizeof(functions[0])];
static int plans_len;

struct progress {
	uint64_t done;
	void *later[LATER];
};

/* Do what is to be done of one plan until `count` calls are done. */
static void proceed(const struct plan *plan, struct progress *p, uint64_t count)
{
	size_t size = functions[plan->function].size;

	for (; p->done < count; p->done++) {
		void **slot = &p->later[p->done % LATER];
		if (*slot)
			alloc_remove(plan->row, size);
		free(*slot);
		*slot = functions[plan->function].get();
		if (!*slot)
			abort();
		alloc_add(plan->row, size);
		if (plan->keep && p->done % plan->keep == 0)
			*slot = NULL;
	}
}

static void *work(void *unused)
{
	struct progress progress[sizeof(plans) / sizeof(plans[0])] = { 0 };

	for (uint64_t round = 1; round <= ROUNDS; round++)
		for (int i = 0; i < plans_len; i++)
			proceed(&plans[i], &progress[i], plans[i].count * round / ROUNDS);
	for (int i = 0; i < plans_len; i++) {
		for (int j = 0; j < LATER; j++) {
			if (progress[i].later[j])
				alloc_remove(plans[i].row, functions[plans[i].function].size);
			free(progress[i].later[j]);
		}
	}
	return unused;
}

/* A plan from SIZE:COUNT[:KEEP]. */
static void plan_add(const char *text)
{
	unsigned long long size = 0, count = 0, keep = 0;

	sscanf(text, "%llu:%llu:%llu", &size, &count, &keep);
	for (int i = 0; i < (int)(sizeof(functions) / sizeof(functions[0])); i++)
		if (functions[i].size == size &&
		    plans_len < (int)(sizeof(plans) / sizeof(plans[0])))
			plans[plans_len++] =
				(struct plan){ i, count, keep, alloc_row(functions[i].name) };
}

int main(int argc, char **argv)
{
	int threads = 1, first = 1;
	pthread_t others[64];

	if (argc > 2 && strcmp(argv[1], "-t") == 0) {
		threads = atoi(argv[2]);
		first = 3;
	}
	if (threads < 1 || threads > 64)
		return 2;
	/* Large blocks as cheap as small ones: from a heap that is never given back. */
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, -1);
	mallopt(M_TOP_PAD, 64 << 20);
	for (int i = first; i < argc; i++)
		plan_add(argv[i]);
	alloc_begin();
	for (int i = 1; i < threads; i++)
		if (pthread_create(&others[i], NULL, work, NULL) != 0)
			return 1;
	work(NULL);
	for (int i = 1; i < threads; i++)
		pthread_join(others[i], NULL);
	alloc_end();
	return 0;
}
