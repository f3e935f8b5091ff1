// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "sym/spans.h"

#define NOTHING UINT32_MAX

/* Deliberately unsorted: a span of 100 around two others, one of them around a third. */
static const struct span nested[] = {
	{ .start = 40, .end = 50, .id = 4 },   { .start = 0, .end = 100, .id = 1 },
	{ .start = 10, .end = 20, .id = 2 },   { .start = 30, .end = 60, .id = 3 },
	{ .start = 200, .end = 210, .id = 5 }, { .start = 70, .end = 70, .id = 6 },
};

static const struct {
	uint64_t addr;
	uint32_t id, floor;
} cases[] = {
	{ 0, 1, 1 },         { 9, 1, 1 },         { 10, 2, 2 },
	{ 19, 2, 2 },        { 20, 1, 2 },        { 30, 3, 3 },
	{ 40, 4, 4 },        { 49, 4, 4 },        { 50, 3, 4 },
	{ 60, 1, 4 },        { 70, 1, 6 },        { 99, 1, 6 },
	{ 100, NOTHING, 6 }, { 199, NOTHING, 6 }, { 200, 5, 5 },
	{ 209, 5, 5 },       { 210, NOTHING, 5 }, { UINT64_MAX, NOTHING, 5 },
};

static void test_innermost_is_found(void **state)
{
	(void)state;
	struct spans s = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(nested); i++)
		assert_int_equal(vec_push(&s.items, nested[i]), 0);
	spans_index(&s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct span *found = spans_find(&s, cases[i].addr);
		assert_int_equal(found ? found->id : NOTHING, cases[i].id);
		assert_int_equal(spans_floor(&s, cases[i].addr)->id, cases[i].floor);
	}
	spans_deinit(&s);
}

static void test_nothing_below_the_first(void **state)
{
	(void)state;
	struct spans s = { 0 };
	spans_index(&s);
	assert_null(spans_find(&s, 0));
	assert_int_equal(vec_push(&s.items, (struct span){ .start = 5, .end = 6 }), 0);
	spans_index(&s);
	assert_null(spans_find(&s, 4));
	assert_null(spans_floor(&s, 4));
	assert_non_null(spans_find(&s, 5));
	spans_deinit(&s);
}

/* Against a search through all spans, for many that nest, overlap and touch. */
static void test_agrees_with_linear_search(void **state)
{
	(void)state;
	struct spans s = { 0 };
	uint32_t random = 1;
	for (uint32_t i = 0; i < 300; i++) {
		random = random * 1664525 + 1013904223;
		uint64_t start = random >> 22, size = (random >> 8 & 0x3f) * (i % 3);
		assert_int_equal(
			vec_push(&s.items, (struct span){ .start = start, .end = start + size }),
			0);
	}
	spans_index(&s);
	for (uint64_t addr = 0; addr < 1300; addr++) {
		const struct span *expected = NULL;
		vec_for_each(span, &s.items) {
			if (span->start <= addr && addr < span->end)
				expected = span; /* sorted: the last one starts last */
		}
		assert_ptr_equal(spans_find(&s, addr), expected);
	}
	spans_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_innermost_is_found),
		cmocka_unit_test(test_nothing_below_the_first),
		cmocka_unit_test(test_agrees_with_linear_search),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
