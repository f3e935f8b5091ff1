// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session/incomplete.h"

static const struct code_file file = { .number = UNWIND_FILE_FIRST, .path = (char *)"/bin/x" };

static void add(struct incomplete *list, struct stacks *stacks, uint64_t id, uint16_t end,
		uint64_t last, uint64_t n)
{
	struct code_file *items[] = { (struct code_file *)&file };
	struct code_files files = { .items = { items, 1, 1 } };
	struct sample_key key = { .stack = { id, id }, .end = end, .user = 1 };

	stacks_add(stacks, key.stack, &last, last ? 1 : 0, 0);
	incomplete_add(list, &key, stacks, &files, n);
}

static void test_rows_by_reason_and_file(void **state)
{
	(void)state;
	struct incomplete list = { 0 };
	struct stacks s;
	uint64_t in_file = (uint64_t)UNWIND_FILE_FIRST << UNWIND_FRAME_OFFSET_BITS;

	stacks_init(&s);
	add(&list, &s, 3, UNWIND_END_NO_CFI, in_file | 0x30, 2);
	add(&list, &s, 4, UNWIND_END_NO_CFI, in_file | 0x40, 3);
	add(&list, &s, 5, UNWIND_END_NO_CFI, UNWIND_FRAME_PLAIN | 0x7f0000001000, 9);
	add(&list, &s, 6, UNWIND_END_BAD_READ, in_file | 0x50, 4);
	add(&list, &s, 7, UNWIND_END_NO_REGS, 0, 1);
	incomplete_sort(&list);

	static const struct session_incomplete want[] = {
		{ "no unwind information, no frame pointer", "[anonymous]", 9 },
		{ "no unwind information, no frame pointer", "/bin/x", 5 },
		{ "stack not readable", "/bin/x", 4 },
		{ "user registers not readable", "[no user frame]", 1 },
	};
	assert_int_equal(list.rows.len, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < list.rows.len; i++) {
		assert_string_equal(list.rows.items[i].reason, want[i].reason);
		assert_string_equal(list.rows.items[i].mapping, want[i].mapping);
		assert_int_equal(list.rows.items[i].samples, want[i].samples);
	}
	incomplete_deinit(&list);
	stacks_deinit(&s);
}

/* Every end has words of its own: they are what users see. */
static void test_reasons_are_distinct(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < UNWIND_END_COUNT; i++) {
		assert_non_null(incomplete_reason(i));
		for (uint16_t j = 0; j < i; j++)
			assert_string_not_equal(incomplete_reason(i), incomplete_reason(j));
	}
	assert_string_equal(incomplete_reason(UNWIND_END_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_by_reason_and_file),
		cmocka_unit_test(test_reasons_are_distinct),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
