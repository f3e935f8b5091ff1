// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "profile/build.h"

static void test_intern_finds_equal_strings(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = profile_create();
	assert_int_equal(profile_intern(p, "", 0), 0);
	assert_int_equal(profile_intern_cstr(p, NULL), 0);
	for (uint32_t i = 1; i < 5000; i++) {
		char s[16];
		snprintf(s, sizeof(s), "s%u", i);
		assert_int_equal(profile_intern_cstr(p, s), i);
	}
	assert_int_equal(profile_intern_cstr(p, "s4321"), 4321);
	assert_string_equal(profile_str(p, 17), "s17");
	/* A NUL is a byte like any other. */
	uint32_t nul = profile_intern(p, "s1\0x", 4);
	assert_int_equal(nul, 5000);
	assert_int_equal(profile_str_len(p, nul), 4);
	assert_memory_equal(profile_str(p, nul), "s1\0x", 5);
	assert_int_equal(profile_build_error(p), 0);
}

static void test_functions_are_unique(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = profile_create();
	uint32_t name = profile_intern_cstr(p, "f");
	struct profile_function f = { .name = name, .start_line = 3 };
	assert_int_equal(profile_add_function(p, &f), 0);
	f.start_line = 4;
	assert_int_equal(profile_add_function(p, &f), 1);
	f.filename = name;
	assert_int_equal(profile_add_function(p, &f), 2);
	f.filename = 0;
	f.id = 77; /* ignored */
	assert_int_equal(profile_add_function(p, &f), 1);
	assert_int_equal(p->functions.items[2].id, 3);
}

static void test_location_lines_may_be_set_again(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = profile_create();
	uint32_t a = profile_add_location(p, PROFILE_NONE, 16);
	uint32_t b = profile_add_location(p, 0, 16);
	assert_int_not_equal(a, b);
	assert_int_equal(profile_add_location(p, 0, 16), b);
	assert_int_equal(p->locations.items[a].line_count, 0);
	struct profile_line lines[] = { { 1, 10, 0 }, { 2, 20, 0 }, { 3, 30, 0 } };
	profile_location_set_lines(p, a, lines, 2);
	profile_location_set_lines(p, b, lines + 1, 1);
	profile_location_set_lines(p, a, lines, 3);
	const struct profile_location *l = &p->locations.items[a];
	assert_int_equal(l->line_count, 3);
	assert_int_equal(profile_lines(p, l)[2].line, 30);
	profile_location_set_lines(p, a, lines + 2, 1);
	assert_int_equal(l->line_count, 1);
	assert_int_equal(profile_lines(p, l)[0].function, 3);
	assert_int_equal(profile_lines(p, &p->locations.items[b])[0].function, 2);
}

/* Samples without labels, before and after one that has some. */
static void test_sample_ranges(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = profile_create();
	profile_add_sample_type(p, "a", "count");
	profile_add_sample_type(p, "b", "count");
	static const struct {
		uint32_t stack[3];
		size_t depth;
		int64_t values[2];
		size_t labels;
	} samples[] = {
		{ { 0, 1, 2 }, 3, { 1, 2 }, 0 },
		{ { 0 }, 0, { 3, 4 }, 0 },
		{ { 2, 2 }, 2, { 5, INT64_MIN }, 2 },
		{ { 1 }, 1, { 7, 8 }, 0 },
	};
	struct profile_label labels[] = { { .key = 1, .str = 2 }, { .key = 3, .num = 4 } };
	for (size_t i = 0; i < 4; i++)
		profile_add_sample(p, samples[i].stack, samples[i].depth, samples[i].values, labels,
				   samples[i].labels);
	assert_int_equal(p->sample_count, 4);
	for (size_t i = 0; i < 4; i++) {
		size_t depth, count;
		const uint32_t *stack = profile_stack(p, i, &depth);
		assert_int_equal(depth, samples[i].depth);
		for (size_t k = 0; k < depth; k++)
			assert_int_equal(stack[k], samples[i].stack[k]);
		assert_true(profile_values(p, i)[1] == samples[i].values[1]);
		const struct profile_label *l = profile_labels(p, i, &count);
		assert_int_equal(count, samples[i].labels);
		if (count)
			assert_int_equal(l[1].num, 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intern_finds_equal_strings),
		cmocka_unit_test(test_functions_are_unique),
		cmocka_unit_test(test_location_lines_may_be_set_again),
		cmocka_unit_test(test_sample_ranges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
