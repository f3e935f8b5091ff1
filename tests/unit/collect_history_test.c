// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collect/history.h"

static struct unwind_mapping mapping(uint64_t start, uint64_t end, uint32_t file)
{
	return (struct unwind_mapping){ .start = start, .end = end, .file = file };
}

static void add(struct history *h, uint64_t time_ns, uint64_t start, uint64_t end, uint32_t file)
{
	struct unwind_mapping m = mapping(start, end, file);

	history_add(h, time_ns, &m);
}

struct want {
	uint64_t start, end;
	uint32_t file;
};

static void check(const struct history *h, uint64_t time_ns, const struct want *want, size_t len)
{
	struct mapping_list list = { 0 };

	history_recall(h, time_ns, &list);
	assert_int_equal(list.len, len);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(list.items[i].start, want[i].start);
		assert_int_equal(list.items[i].end, want[i].end);
		assert_int_equal(list.items[i].file, want[i].file);
	}
	vec_deinit(&list);
}

static const struct want forked[] = { { 0x1000, 0x2000, 2 }, { 0x5000, 0x9000, 3 } };
static const struct want loaded[] = { { 0x1000, 0x2000, 2 },
				      { 0x3000, 0x4000, 4 },
				      { 0x5000, 0x9000, 3 } };
static const struct want executed[] = { { 0x6000, 0x7000, 5 } };
static const struct want both[] = { { 0x1000, 0x1800, 6 }, { 0x6000, 0x7000, 5 } };

/* A child forked at 100 with files 2 and 3 loads 4, then executes at 200. */
static void child_init(struct history *h)
{
	struct mapping_list had = { 0 };
	struct unwind_mapping two = mapping(0x1000, 0x2000, 2), three = mapping(0x5000, 0x9000, 3);

	*h = (struct history){ 0 };
	mapping_list_put(&had, &three);
	mapping_list_put(&had, &two);
	history_rebase(h, &had, 100);
	vec_deinit(&had);
	add(h, 50, 0x1000, 0x9000, 9); /* the parent's, before the fork */
	add(h, 150, 0x3000, 0x4000, 4);
	history_exec(h, 200);
	add(h, 210, 0x6000, 0x7000, 5);
	add(h, 230, 0x1000, 0x1800, 6);
}

static void test_recall_by_time(void **state)
{
	(void)state;
	struct history h;

	child_init(&h);
	check(&h, 120, forked, 2);
	check(&h, 199, loaded, 3);
	check(&h, 205, NULL, 0);
	check(&h, 220, executed, 1);
	check(&h, UINT64_MAX, both, 2);
	history_deinit(&h);
}

/* Folding changes nothing for the times after it. */
static void test_fold(void **state)
{
	(void)state;
	struct history h;

	child_init(&h);
	history_fold(&h, 160);
	check(&h, 199, loaded, 3);
	check(&h, 220, executed, 1);
	history_fold(&h, 220);
	assert_int_equal(h.records.len, 1);
	check(&h, 221, executed, 1);
	check(&h, UINT64_MAX, both, 2);
	history_fold(&h, 1000);
	assert_int_equal(h.records.len, 0);
	check(&h, 1001, both, 2);
	/* The next program begins with nothing. */
	history_exec(&h, 2000);
	check(&h, 1999, both, 2);
	check(&h, 2000, NULL, 0);
	history_fold(&h, 3000);
	check(&h, 3001, NULL, 0);
	history_deinit(&h);
}

/* A later mapping takes the place of all that it overlaps, wherever it comes. */
static void test_overlaps(void **state)
{
	(void)state;
	struct history h = { 0 };

	add(&h, 1, 0x1000, 0x2000, 2);
	add(&h, 2, 0x3000, 0x4000, 3);
	add(&h, 3, 0x4000, 0x5000, 4);
	add(&h, 4, 0x1800, 0x3800, 5);
	add(&h, 5, 0x0, 0x800, 6);
	const struct want want[] = { { 0x0, 0x800, 6 },
				     { 0x1800, 0x3800, 5 },
				     { 0x4000, 0x5000, 4 } };
	check(&h, 10, want, 3);
	history_deinit(&h);
}

static void test_differs(void **state)
{
	(void)state;
	struct mapping_list list = { 0 };
	struct unwind_mapping m = mapping(0x2000, 0x3000, 2);

	mapping_list_put(&list, &m);
	assert_false(mapping_list_differs(&list, &m));
	m.file = 3;
	assert_true(mapping_list_differs(&list, &m));
	m = mapping(0x3000, 0x4000, 3);
	assert_false(mapping_list_differs(&list, &m));
	m = mapping(0x1000, 0x2001, 2);
	m.bias = 0x1000;
	assert_true(mapping_list_differs(&list, &m));
	vec_deinit(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recall_by_time),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_differs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
