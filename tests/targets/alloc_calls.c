// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * alloc_calls: each function of malloc's family and each way that it can go, by functions that are
 * named after it. Half of what each got stays live; the other half is freed by free_half().
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>

#include "alloc.h"

#define TIMES 40
#define HUGE  ((size_t)PTRDIFF_MAX - 4096) /* no allocator has this */

/* What a function got, until it is freed. */
struct kept {
	void *memory;
	size_t size;
	struct alloc_row *row;
};

static struct kept kept[16384];
static size_t kept_len;
static void *volatile sink;
static volatile size_t overflow = SIZE_MAX / 2; /* with a factor of 4 */

static void keep(const char *name, void *memory, size_t size)
{
	struct alloc_row *row = alloc_row(name);

	if (!memory || kept_len == sizeof(kept) / sizeof(kept[0]))
		abort();
	alloc_add(row, size);
	kept[kept_len++] = (struct kept){ memory, size, row };
}

TARGET_ROW void free_half(void)
{
	for (size_t i = 0; i < kept_len; i += 2) {
		free(kept[i].memory);
		alloc_remove(kept[i].row, kept[i].size);
	}
}

/* ---- One function of the family each ----------------------------------------------------------
 */

TARGET_ROW void by_malloc(void)
{
	for (size_t i = 0; i < TIMES; i++)
		keep(__func__, malloc(100 + i), 100 + i);
	for (size_t i = 0; i < TIMES; i++)
		keep(__func__, malloc(0), 0);
	for (size_t i = 0; i < 4; i++)
		keep(__func__, malloc((3 << 20) + i), (3 << 20) + i);
}

TARGET_ROW void by_malloc_failing(void)
{
	alloc_row(__func__);
	for (int i = 0; i < TIMES; i++) {
		sink = malloc(HUGE);
		if (sink)
			abort();
	}
}

TARGET_ROW void by_calloc(void)
{
	for (size_t i = 1; i <= TIMES; i++)
		keep(__func__, calloc(i, 24), i * 24);
	for (size_t i = 1; i <= TIMES; i++)
		keep(__func__, calloc(0, 24), 0);
	keep(__func__, calloc(3, 1 << 20), 3 << 20);
}

TARGET_ROW void by_calloc_failing(void)
{
	alloc_row(__func__);
	for (int i = 0; i < TIMES; i++) {
		sink = calloc(overflow, 4);
		if (sink)
			abort();
		sink = calloc(HUGE / 8, 8);
		if (sink)
			abort();
	}
}

TARGET_ROW void by_posix_memalign(void)
{
	for (size_t align = sizeof(void *); align <= 8192; align *= 2) {
		for (size_t i = 0; i < 8; i++) {
			void *p = NULL;
			if (posix_memalign(&p, align, 200 + i) != 0)
				abort();
			keep(__func__, p, 200 + i);
		}
	}
}

TARGET_ROW void by_posix_memalign_failing(void)
{
	static char nothing;
	void *const before = &nothing;
	void *p = before;

	alloc_row(__func__);
	for (int i = 0; i < TIMES; i++) {
		if (posix_memalign(&p, 3, 200) != EINVAL || p != before)
			abort();
		if (posix_memalign(&p, 64, HUGE) != ENOMEM)
			abort();
		p = before;
	}
}

TARGET_ROW void by_aligned_alloc(void)
{
	for (size_t align = 8; align <= 8192; align *= 2)
		for (size_t i = 1; i <= 8; i++)
			keep(__func__, aligned_alloc(align, align * i), align * i);
}

TARGET_ROW void by_memalign(void)
{
	for (size_t align = 8; align <= 8192; align *= 2)
		for (size_t i = 0; i < 8; i++)
			keep(__func__, memalign(align, 300 + i), 300 + i);
}

TARGET_ROW void by_valloc(void)
{
	for (size_t i = 0; i < TIMES; i++)
		keep(__func__, valloc(400 + i), 400 + i);
}

#ifdef __GLIBC__
/* jemalloc has none: what libc's gives, jemalloc's free would not take. */
static int is_of_same_file(void *a, void *b)
{
	Dl_info x, y;

	return dladdr(a, &x) && dladdr(b, &y) && x.dli_fbase == y.dli_fbase;
}

TARGET_ROW void by_pvalloc(void)
{
	if (!is_of_same_file((void *)pvalloc, (void *)free))
		return;
	for (size_t i = 0; i < TIMES; i++)
		keep(__func__, pvalloc(500 + i), 500 + i);
}
#endif

TARGET_ROW void by_strdup(void)
{
	for (int i = 0; i < TIMES; i++)
		keep(__func__, strdup("seventeen letters"), 18);
}

/* ---- realloc ----------------------------------------------------------------------------------
 */

/* What lives at the end is all that the last calls got. */
static void resize(const char *name, void **p, size_t *size, size_t to)
{
	struct alloc_row *row = alloc_row(name);
	void *got = realloc(*p, to);

	if (!got)
		abort();
	if (*p)
		alloc_remove(row, *size);
	alloc_add(row, to);
	*p = got;
	*size = to;
}

/* Tells whether the memory moved, so that a test knows that it saw both. */
TARGET_ROW void by_realloc(void)
{
	unsigned moved = 0, stayed = 0;

	for (size_t i = 0; i < TIMES; i++) {
		void *p = NULL;
		size_t size = 0;
		const size_t sizes[] = { 1000 + i, 990 + i, 60000, 61000, 300000, 3 << 20, 50 };
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			void *before = p;
			resize(__func__, &p, &size, sizes[j]);
			if (before)
				*(before == p ? &stayed : &moved) += 1;
		}
		kept[kept_len++] = (struct kept){ p, size, alloc_row(__func__) };
	}
	alloc_say("realloc moved %u stayed %u\n", moved, stayed);
}

/* The memory stays what it was. */
TARGET_ROW void by_realloc_failing(void)
{
	for (size_t i = 0; i < TIMES; i++) {
		void *p = malloc(700 + i);
		sink = realloc(p, HUGE);
		if (sink)
			abort();
		keep(__func__, p, 700 + i);
	}
}

/* Some allocators free, others give memory of no size. */
TARGET_ROW void by_realloc_zero(void)
{
	struct alloc_row *row = alloc_row(__func__);

	for (size_t i = 0; i < TIMES; i++) {
		void *volatile p = malloc(800 + i);
		volatile size_t none = 0;
		alloc_add(row, 800 + i);
		p = realloc(p, none);
		alloc_remove(row, 800 + i);
		if (p)
			keep(__func__, p, 0);
	}
}

TARGET_ROW void by_reallocarray(void)
{
	for (size_t i = 0; i < TIMES; i++) {
		struct alloc_row *row = alloc_row(__func__);
		void *volatile p = reallocarray(NULL, 10 + i, 8);
		alloc_add(row, 8 * (10 + i));
		sink = reallocarray(p, overflow, 4);
		if (sink)
			abort();
		p = reallocarray(p, 20 + i, 8);
		alloc_remove(row, 8 * (10 + i));
		keep(__func__, p, 8 * (20 + i));
	}
}

/* ---- free -------------------------------------------------------------------------------------
 */

TARGET_ROW void by_free_null(void)
{
	void *volatile none = NULL;

	alloc_row(__func__);
	for (int i = 0; i < TIMES; i++)
		free(none);
}

/* The same address, freed and given again at once. */
TARGET_ROW void by_reuse(void)
{
	struct alloc_row *row = alloc_row(__func__);

	for (size_t i = 0; i < 1000; i++) {
		void *volatile p = malloc(48);
		alloc_add(row, 48);
		free(p);
		alloc_remove(row, 48);
	}
	keep(__func__, malloc(48), 48);
}

/* Got before anyone attached: their frees are not those of what was seen. */
static void *early[TIMES];

TARGET_ROW void before_attaching(void)
{
	for (int i = 0; i < TIMES; i++)
		early[i] = malloc(900);
}

TARGET_ROW void free_early(void)
{
	for (int i = 0; i < TIMES / 2; i++)
		free(early[i]);
	for (int i = TIMES / 2; i < TIMES; i++)
		keep("free_early", realloc(early[i], 950), 950);
	alloc_say("unknown frees %d\n", TIMES);
}

int main(void)
{
	before_attaching();
	alloc_begin();
	by_malloc();
	by_malloc_failing();
	by_calloc();
	by_calloc_failing();
	by_posix_memalign();
	by_posix_memalign_failing();
	by_aligned_alloc();
	by_memalign();
	by_valloc();
#ifdef __GLIBC__
	by_pvalloc();
#endif
	by_strdup();
	by_realloc();
	by_realloc_failing();
	by_realloc_zero();
	by_reallocarray();
	by_free_null();
	by_reuse();
	free_early();
	free_half();
	alloc_end();
	return 0;
}
