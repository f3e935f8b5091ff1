// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"

static void test_put_finds_again(void **state)
{
	(void)state;
	struct map m;
	map_init(&m, sizeof(uint32_t), sizeof(uint64_t));
	for (uint32_t i = 0; i < 10000; i++) {
		bool added;
		uint64_t *value = map_put(&m, &i, &added);
		assert_true(added);
		assert_int_equal(*value, 0);
		*value = i * 3ULL;
	}
	assert_int_equal(m.len, 10000);
	for (uint32_t i = 0; i < 10000; i++) {
		bool added;
		assert_int_equal(*(uint64_t *)map_find(&m, &i), i * 3ULL);
		map_put(&m, &i, &added);
		assert_false(added);
		assert_int_equal(*(const uint32_t *)map_key_at(&m, i), i);
	}
	uint32_t absent = 10000;
	assert_null(map_find(&m, &absent));
	map_clear(&m);
	absent = 5;
	assert_null(map_find(&m, &absent));
	map_deinit(&m);
}

/* A key whose size is no multiple of 8 keeps its neighbours' bytes out of the comparison. */
static void test_odd_key_sizes(void **state)
{
	(void)state;
	struct map m;
	map_init(&m, 5, 3);
	*(char *)map_put(&m, "abcde", NULL) = 'x';
	*(char *)map_put(&m, "abcdf", NULL) = 'y';
	assert_int_equal(*(char *)map_find(&m, "abcde"), 'x');
	assert_int_equal(*(char *)map_find(&m, "abcdf"), 'y');
	assert_null(map_find(&m, "abcdg"));
	map_deinit(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_finds_again),
		cmocka_unit_test(test_odd_key_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
