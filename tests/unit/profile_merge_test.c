// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "profile/build.h"
#include "profile/edit.h"
#include "profile/merge.h"
#include "profile/value.h"

/* A program mapped at `start`, with one function called by another. */
static struct profile *program(uint64_t start, const char *unit, int64_t value)
{
	struct profile *p = profile_create();
	profile_add_sample_type(p, "samples", "count");
	profile_add_sample_type(p, "cpu", unit);
	profile_set_period(p, "cpu", unit, 10);
	profile_add_comment(p, "same comment");
	p->time_nanos = (int64_t)start;
	p->duration_nanos = 7;
	struct profile_mapping m = { .start = start,
				     .limit = start + 0x1800,
				     .filename = profile_intern_cstr(p, "/bin/x") };
	uint32_t mapping = profile_add_mapping(p, &m);
	uint32_t stack[2];
	for (uint32_t i = 0; i < 2; i++) {
		struct profile_function f = { .name = profile_intern_cstr(p, i ? "main" : "f") };
		struct profile_line line = { .function = profile_add_function(p, &f) };
		stack[i] = profile_add_location(p, mapping, start + 16 * (i + 1));
		profile_location_set_lines(p, stack[i], &line, 1);
	}
	struct profile_label labels[] = {
		{ .key = profile_intern_cstr(p, "bytes"), .num = 5 },
		{ .key = profile_intern_cstr(p, "thread"), .str = profile_intern_cstr(p, "io") },
	};
	profile_add_sample(p, stack, 2, (int64_t[]){ 1, value }, labels, 2);
	profile_add_sample(p, stack + 1, 1, (int64_t[]){ 1, value }, NULL, 0);
	profile_add_sample(p, stack, 1, (int64_t[]){ 0, 0 }, NULL, 0);
	assert_int_equal(profile_build_error(p), 0);
	return p;
}

static void test_merge_equal_code_elsewhere(void **state)
{
	(void)state;
	struct profile *both[] = { program(0x400000, "nanoseconds", 3),
				   program(0x7000000, "nanoseconds", 4) };
	_cleanup_profile_ struct profile *p = NULL;
	struct err e = { 0 };
	assert_int_equal(profile_merge(both, 2, &p, &e), 0);
	assert_null(both[0]);
	assert_int_equal(p->mappings.len, 1);
	assert_int_equal(p->locations.len, 2);
	assert_int_equal(p->functions.len, 2);
	assert_int_equal(p->sample_count, 2); /* the zero one is gone */
	assert_int_equal(profile_values(p, 0)[0], 2);
	assert_int_equal(profile_values(p, 0)[1], 7);
	assert_int_equal(p->locations.items[0].address, 0x400010);
	assert_int_equal(p->comments.len, 1);
	assert_int_equal(p->time_nanos, 0x400000);
	assert_int_equal(p->duration_nanos, 14);
	/* Sorted: strings first. */
	size_t count;
	const struct profile_label *labels = profile_labels(p, 0, &count);
	assert_int_equal(count, 2);
	assert_string_equal(profile_str(p, labels[0].key), "thread");
	assert_int_equal(labels[1].num, 5);
}

static void test_merge_takes_the_finer_unit(void **state)
{
	(void)state;
	struct profile *both[] = { program(0x400000, "milliseconds", 3),
				   program(0x400000, "microseconds", 4) };
	_cleanup_profile_ struct profile *p = NULL;
	struct err e = { 0 };
	assert_int_equal(profile_merge(both, 2, &p, &e), 0);
	assert_string_equal(profile_str(p, p->sample_types.items[1].unit), "microseconds");
	assert_int_equal(profile_values(p, 0)[1], 3004);
	assert_int_equal(p->period, 10000);
}

/* Profiles come one by one; a later one has a finer unit, a last one is of another kind. */
static void test_merger(void **state)
{
	(void)state;
	struct profile_merger *m = profile_merger_create();
	_cleanup_profile_ struct profile *p = NULL, *none = NULL;
	struct err e = { 0 };
	assert_int_equal(profile_merger_add(m, program(0x400000, "milliseconds", 1), &e), 0);
	assert_int_equal(profile_merger_add(m, program(0x500000, "milliseconds", 2), &e), 0);
	assert_int_equal(profile_merger_add(m, program(0x600000, "microseconds", 4), &e), 0);
	assert_int_equal(profile_merger_add(m, program(0x400000, "milliseconds", 5), &e), 0);
	assert_int_equal(profile_merger_finish(m, &p, &e), 0);
	profile_merger_destroy(m);
	assert_int_equal(p->sample_count, 2);
	assert_int_equal(p->locations.len, 2);
	assert_int_equal(profile_values(p, 0)[0], 4);
	assert_int_equal(profile_values(p, 0)[1], 8004);
	assert_string_equal(profile_str(p, p->sample_types.items[1].unit), "microseconds");

	m = profile_merger_create();
	struct profile *other = profile_create();
	profile_add_sample_type(other, "space", "bytes");
	assert_int_equal(profile_merger_add(m, program(0x400000, "milliseconds", 1), &e), 0);
	assert_int_equal(profile_merger_add(m, other, &e), -EBADMSG);
	assert_int_equal(profile_merger_finish(m, &none, &e), -EINVAL);
	profile_merger_destroy(m);
}

/* A type for each letter; samples of value `a` at one address, `b` at another. */
static struct profile *lettered(const char *types, const char *unit, const char *preferred,
				int64_t a, int64_t b)
{
	struct profile *p = profile_create();
	const struct profile_mapping mapping = { 0 };
	int64_t values[2][8];

	for (size_t i = 0; types[i]; i++) {
		profile_add_sample_type(p, (char[]){ types[i], '\0' }, unit);
		values[0][i] = a;
		values[1][i] = b;
	}
	profile_set_default_sample_type(p, preferred);
	profile_add_mapping(p, &mapping);
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t l = profile_add_location(p, 0, 100 + i);
		profile_add_sample(p, &l, 1, values[i], NULL, 0);
	}
	assert_int_equal(profile_build_error(p), 0);
	return p;
}

static struct profile *merged(struct profile *a, struct profile *b, struct profile *c)
{
	struct profile_merger *m = profile_merger_create();
	struct profile *p = NULL;
	struct err e = { 0 };

	assert_int_equal(profile_merger_add(m, a, &e), 0);
	assert_int_equal(profile_merger_add(m, b, &e), 0);
	assert_int_equal(profile_merger_add(m, c, &e), 0);
	assert_int_equal(profile_merger_finish(m, &p, &e), 0);
	profile_merger_destroy(m);
	return p;
}

/* What cancels out for a while keeps its place, and what is scaled to nothing goes. */
static void test_merger_keeps_places(void **state)
{
	_cleanup_profile_ struct profile *p =
		merged(lettered("x", "bytes", "", 5, 1), lettered("x", "bytes", "", -5, 0),
		       lettered("x", "kB", "", 3, 0));

	(void)state;
	assert_int_equal(p->sample_count, 2);
	assert_int_equal(profile_values(p, 0)[0], 3072);
	assert_int_equal(profile_values(p, 1)[0], 1);
}

static void test_merger_default_type(void **state)
{
	static const struct {
		const char *types[3], *preferred[3], *expected;
	} cases[] = {
		{ { "abc", "abc", "abc" }, { "", "b", "c" }, "b" },
		{ { "abc", "abc", "ba" }, { "", "b", "" }, "a" },
		{ { "abc", "abc", "ba" }, { "b", "a", "" }, "b" },
		{ { "abc", "abc", "ab" }, { "c", "b", "b" }, "a" },
		{ { "ab", "abc", "cab" }, { "", "b", "a" }, "b" },
		{ { "ab", "abc", "cab" }, { "", "c", "b" }, "a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct profile *p[3];
		for (size_t k = 0; k < 3; k++)
			p[k] = lettered(cases[i].types[k], "count", cases[i].preferred[k], 1, 2);
		_cleanup_profile_ struct profile *sum = merged(p[0], p[1], p[2]);
		assert_string_equal(profile_str(sum, sum->default_sample_type), cases[i].expected);
	}
}

static void change_nothing(struct profile *p)
{
	(void)p;
}
static void change_text(struct profile *p)
{
	p->bytes[p->strings.items[p->functions.items[0].name].start] = 'g';
}
static void change_start_line(struct profile *p)
{
	p->functions.items[0].start_line = 9;
}
static void change_function(struct profile *p)
{
	p->lines.items[0].function = 1;
}
static void change_line(struct profile *p)
{
	p->lines.items[0].line = 4;
}
static void change_column(struct profile *p)
{
	p->lines.items[0].column = 4;
}
static void change_line_count(struct profile *p)
{
	p->locations.items[0].line_count = 0;
}
static void change_address(struct profile *p)
{
	p->locations.items[0].address++;
}
static void change_folded(struct profile *p)
{
	p->locations.items[0].is_folded = true;
}
static void change_mapping(struct profile *p)
{
	p->locations.items[0].mapping = PROFILE_NONE;
}
static void change_offset(struct profile *p)
{
	p->mappings.items[0].offset = 0x1000;
}
static void change_place(struct profile *p)
{
	p->mappings.items[0].start += 0x1000000;
	p->mappings.items[0].limit += 0x1000000;
}
static void change_label(struct profile *p)
{
	p->labels.items[1].str = p->labels.items[1].key;
}

/* What stands at the same place in the next profile need not be the same. */
static void test_merge_compares_all(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		void (*change)(struct profile *p);
		size_t functions, locations, samples;
	} changes[] = {
		{ "nothing", change_nothing, 2, 2, 2 },
		{ "text", change_text, 3, 3, 3 },
		{ "start line", change_start_line, 3, 3, 3 },
		{ "function", change_function, 2, 3, 3 },
		{ "line", change_line, 2, 3, 3 },
		{ "column", change_column, 2, 3, 3 },
		{ "line count", change_line_count, 2, 3, 3 },
		{ "address", change_address, 2, 3, 3 },
		{ "folded", change_folded, 2, 3, 3 },
		{ "mapping", change_mapping, 2, 3, 3 },
		{ "offset", change_offset, 2, 4, 4 },
		{ "place", change_place, 2, 4, 4 },
		{ "label", change_label, 2, 2, 3 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct profile *three[] = { program(0x400000, "nanoseconds", 3),
					    program(0x400000, "nanoseconds", 4),
					    program(0x400000, "nanoseconds", 5) };
		_cleanup_profile_ struct profile *p = NULL;
		struct err e = { 0 };
		changes[i].change(three[1]);
		assert_int_equal(profile_merge(three, 3, &p, &e), 0);
		if (p->functions.len != changes[i].functions ||
		    p->locations.len != changes[i].locations ||
		    p->sample_count != changes[i].samples)
			fail_msg("%s: %zu functions, %zu locations, %zu samples", changes[i].name,
				 p->functions.len, p->locations.len, p->sample_count);
	}
}

static void test_merge_drops_types_that_not_all_have(void **state)
{
	(void)state;
	struct profile *both[] = { program(0x400000, "nanoseconds", 3),
				   program(0x400000, "nanoseconds", 4) };
	both[1]->sample_types.items[0].type = profile_intern_cstr(both[1], "other");
	_cleanup_profile_ struct profile *p = NULL;
	struct err e = { 0 };
	assert_int_equal(profile_merge(both, 2, &p, &e), 0);
	assert_int_equal(p->sample_types.len, 1);
	assert_int_equal(profile_values(p, 1)[0], 7);
}

static void test_merge_refuses_other_kinds(void **state)
{
	(void)state;
	static const struct {
		const char *type, *unit, *error;
	} kinds[] = {
		{ "space", "bytes", "profiles have empty common sample type list" },
		{ "cpu", "bytes",
		  "sample types: incompatible types: 'cpu/nanoseconds' and "
		  "'cpu/bytes'" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct profile *one = profile_create(), *other = profile_create();
		profile_add_sample_type(one, "cpu", "nanoseconds");
		profile_add_sample_type(other, kinds[i].type, kinds[i].unit);
		struct profile *both[] = { one, other }, *p = NULL;
		struct err e = { 0 };
		assert_int_equal(profile_merge(both, 2, &p, &e), -EBADMSG);
		assert_null(p);
		assert_string_equal(e.msg, kinds[i].error);
	}
}

static void test_subtract(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *equal = NULL, *marked = NULL;
	struct err e = { 0 };
	assert_int_equal(profile_subtract(program(0x400000, "nanoseconds", 3),
					  program(0x500000, "nanoseconds", 3), false, &equal, &e),
			 0);
	assert_int_equal(equal->sample_count, 0);
	assert_int_equal(equal->locations.len, 0);
	assert_int_equal(equal->mappings.len, 1);
	assert_int_equal(profile_subtract(program(0x400000, "nanoseconds", 3),
					  program(0x500000, "nanoseconds", 3), true, &marked, &e),
			 0);
	assert_int_equal(marked->sample_count, 4);
	assert_false(profile_is_base(marked, 0));
	assert_true(profile_is_base(marked, 2));
	assert_int_equal(profile_values(marked, 2)[1], -3);
}

static void test_normalize(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = program(0x400000, "nanoseconds", 3);
	_cleanup_profile_ struct profile *base = program(0x400000, "nanoseconds", 30);
	struct err e = { 0 };
	assert_int_equal(profile_normalize(p, base, &e), 0);
	assert_int_equal(profile_values(p, 0)[0], 1);
	assert_int_equal(profile_values(p, 0)[1], 30);
}

/* Labels are added to samples with and without others, and replace those of the same key. */
static void test_label_all(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = program(0x400000, "nanoseconds", 3);
	assert_int_equal(profile_label_all(p, "thread", "all"), 0);
	for (size_t i = 0; i < p->sample_count; i++) {
		size_t count;
		const struct profile_label *labels = profile_labels(p, i, &count);
		assert_int_equal(count, i == 0 ? 2 : 1);
		assert_string_equal(profile_str(p, labels[count - 1].str), "all");
	}
}

static size_t keep_odd(void *context, size_t sample, uint32_t *stack, size_t depth)
{
	(void)context;
	(void)stack;
	return sample % 2 ? depth : EDIT_DROP;
}

static void test_edit_samples_moves_everything(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = profile_create();
	profile_add_sample_type(p, "n", "count");
	for (uint32_t i = 0; i < 100; i++) {
		uint32_t stack[] = { i, i + 1, i + 2 };
		struct profile_label label = { .key = 1, .num = i };
		profile_add_sample(p, stack, i % 4, (int64_t[]){ i }, &label, i % 3 == 0);
	}
	profile_edit_samples(p, keep_odd, NULL);
	assert_int_equal(p->sample_count, 50);
	for (uint32_t i = 0; i < 50; i++) {
		uint32_t was = 2 * i + 1;
		size_t depth, count;
		const uint32_t *stack = profile_stack(p, i, &depth);
		const struct profile_label *labels = profile_labels(p, i, &count);
		assert_int_equal(profile_values(p, i)[0], was);
		assert_int_equal(depth, was % 4);
		assert_int_equal(stack[0], was);
		assert_int_equal(count, was % 3 == 0);
		if (count)
			assert_int_equal(labels[0].num, was);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge_equal_code_elsewhere),
		cmocka_unit_test(test_merge_takes_the_finer_unit),
		cmocka_unit_test(test_merger),
		cmocka_unit_test(test_merger_keeps_places),
		cmocka_unit_test(test_merger_default_type),
		cmocka_unit_test(test_merge_compares_all),
		cmocka_unit_test(test_merge_drops_types_that_not_all_have),
		cmocka_unit_test(test_merge_refuses_other_kinds),
		cmocka_unit_test(test_subtract),
		cmocka_unit_test(test_normalize),
		cmocka_unit_test(test_label_all),
		cmocka_unit_test(test_edit_samples_moves_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
