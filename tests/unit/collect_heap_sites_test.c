// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/heap_sites.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint64_t frames[] = { 0x1000010, 0x1000020, 0x1000030 };

static struct heap_key key_of(__u64 stack, __u64 size)
{
	return (struct heap_key){
		.sample = { .stack = { stack, 1 }, .tgid = 7, .end = UNWIND_END_COMPLETE },
		.size = size,
	};
}

static int setup(void **state)
{
	static struct heap_sites sites;
	const __u64 id[2] = { 5, 1 };

	heap_sites_init(&sites);
	*state = &sites;
	return stacks_add(&sites.stacks, id, frames, 3, 0);
}

static int teardown(void **state)
{
	heap_sites_deinit(*state);
	return 0;
}

static void check_counts(const struct heap_sites *s, const struct heap_key *key, uint64_t allocs,
			 uint64_t frees)
{
	const struct heap_value *value = map_find(&s->counts, key);

	assert_non_null(value);
	assert_int_equal(value->allocs, allocs);
	assert_int_equal(value->frees, frees);
}

static void test_counts_are_summed_by_key(void **state)
{
	struct heap_sites *s = *state;
	struct heap_key small = key_of(5, 16), large = key_of(5, 4096), doubled = key_of(5, 16);

	doubled.shift = 1;
	heap_sites_add(s, &small, &(struct heap_value){ 3, 1 });
	heap_sites_add(s, &large, &(struct heap_value){ 1, 0 });
	heap_sites_add(s, &doubled, &(struct heap_value){ 2, 2 });
	heap_sites_add(s, &small, &(struct heap_value){ 4, 5 });
	assert_int_equal(s->counts.len, 3);
	check_counts(s, &small, 7, 6);
	check_counts(s, &large, 1, 0);
	check_counts(s, &doubled, 2, 2);
	const struct sample_stack *stack = heap_sites_stack(s, &small);
	assert_non_null(stack);
	assert_int_equal(stack->len, 3);
	assert_memory_equal(&s->stacks.frames.items[stack->start], frames, sizeof(frames));
}

/* What was allocated in one drain may be freed in another. */
static void test_frees_alone(void **state)
{
	struct heap_sites *s = *state;
	struct heap_key key = key_of(5, 16);

	heap_sites_add(s, &key, &(struct heap_value){ 2, 0 });
	heap_sites_add(s, &key, &(struct heap_value){ 0, 2 });
	check_counts(s, &key, 2, 2);
	assert_int_equal(s->lost_unknown + s->lost_full, 0);
}

static void test_unknown_stacks_are_counted_as_lost(void **state)
{
	struct heap_sites *s = *state;
	struct heap_key key = key_of(6, 16);

	heap_sites_add(s, &key, &(struct heap_value){ 3, 2 });
	assert_int_equal(s->counts.len, 0);
	assert_int_equal(s->lost_unknown, 3);
}

/* BPF names a stack that it leaves to user space by the time and the thread. */
static void test_deferred_walks(void **state)
{
	static const enum unwind_end ends[] = { UNWIND_END_NO_PROCESS, UNWIND_END_NO_MAPPING,
						UNWIND_END_EXPRESSION };
	struct heap_sites *s = *state;
	struct heap_key walked = key_of(5, 16);

	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct heap_key key = key_of(1000 + i, 16);
		key.sample.end = (__u16)ends[i];
		heap_sites_add(s, &key, &(struct heap_value){ 1, 0 });
		assert_int_equal(s->lost_unknown, i + 1);
		heap_sites_resolve(s, key.sample.stack, &walked.sample);
		heap_sites_add(s, &key, &(struct heap_value){ 1, 1 });
		check_counts(s, &walked, i + 1, i + 1);
	}
	assert_int_equal(s->counts.len, 1);
}

/* A walk that BPF has ended is what it says, whatever else has the same name. */
static void test_walks_that_ended_are_not_resolved(void **state)
{
	struct heap_sites *s = *state;
	struct heap_key key = key_of(5, 16), other = key_of(9, 16);

	heap_sites_resolve(s, key.sample.stack, &other.sample);
	heap_sites_add(s, &key, &(struct heap_value){ 1, 0 });
	check_counts(s, &key, 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counts_are_summed_by_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frees_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_stacks_are_counted_as_lost, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_deferred_walks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_walks_that_ended_are_not_resolved, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
