// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "collect/pool.h"

#define ENTRIES 64

static struct unwind_mapping memory[ENTRIES];

static void test_slices_never_overlap(void **state)
{
	(void)state;
	struct pool pool;
	struct pool_slice held[16] = { 0 };
	unsigned int owner[ENTRIES] = { 0 }, random = 1;

	assert_int_equal(pool_init(&pool, memory, ENTRIES), 0);
	for (unsigned int round = 1; round < 5000; round++) {
		struct pool_slice *slice = &held[round % 16];
		for (uint32_t i = 0; i < slice->count; i++)
			owner[slice->first + i] = 0;
		pool_give(&pool, *slice);
		pool_settle(&pool);
		random = random * 1103515245 + 12345;
		struct unwind_mapping from[8];
		memset(from, (int)round, sizeof(from));
		if (pool_take(&pool, from, random >> 16 & 7, slice) < 0)
			*slice = (struct pool_slice){ 0, 0 };
		for (uint32_t i = 0; i < slice->count; i++) {
			assert_int_equal(owner[slice->first + i], 0);
			owner[slice->first + i] = round;
			assert_memory_equal(&memory[slice->first + i], from, sizeof(*from));
		}
	}
	for (int i = 0; i < 16; i++)
		pool_give(&pool, held[i]);
	pool_settle(&pool);
	/* All came back and grew together again. */
	struct unwind_mapping all[ENTRIES] = { 0 };
	struct pool_slice slice;
	assert_int_equal(pool_take(&pool, all, ENTRIES, &slice), 0);
	pool_deinit(&pool);
}

static void test_rests_until_settled(void **state)
{
	(void)state;
	struct pool pool;
	struct pool_slice slice;
	struct unwind_mapping all[ENTRIES] = { 0 };

	assert_int_equal(pool_init(&pool, memory, ENTRIES), 0);
	assert_int_equal(pool_take(&pool, all, ENTRIES, &slice), 0);
	pool_give(&pool, slice);
	assert_int_equal(pool_take(&pool, all, 1, &slice), -ENOSPC);
	pool_settle(&pool);
	assert_int_equal(pool_take(&pool, all, 1, &slice), 0);
	assert_int_equal(pool_take(&pool, all, 0, &slice), 0);
	pool_deinit(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slices_never_overlap),
		cmocka_unit_test(test_rests_until_settled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
