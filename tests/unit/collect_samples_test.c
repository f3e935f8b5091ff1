// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "collect/samples.h"

static struct sample_key key_of(uint64_t stack, uint32_t tgid)
{
	return (struct sample_key){ .stack = { stack, ~stack }, .tgid = tgid };
}

static void test_counts_by_key(void **state)
{
	(void)state;
	struct samples s;
	const uint64_t frames[] = { 0xffffffff81000000, 0x20000001000, 0x20000002000 };
	struct sample_key a = key_of(1, 10), b = key_of(1, 11);
	struct cpu_value value = { 3, 30 };

	samples_init(&s);
	assert_int_equal(stacks_add(&s.stacks, a.stack, frames, 3, 1), 0);
	/* A stack that comes again is kept once. */
	assert_int_equal(stacks_add(&s.stacks, a.stack, frames, 3, 1), 0);
	assert_int_equal(s.stacks.frames.len, 3);
	samples_add(&s, &a, &value);
	samples_add(&s, &b, &value);
	samples_add(&s, &a, &value);
	assert_int_equal(s.counts.len, 2);
	assert_int_equal(s.total, 9);
	const struct cpu_value *sum = map_find(&s.counts, &a);
	assert_int_equal(sum->samples, 6);
	assert_int_equal(sum->ns, 60);
	const struct sample_stack *stack = samples_stack(&s, &b);
	assert_int_equal(stack->len, 3);
	assert_int_equal(stack->kernel_len, 1);
	assert_memory_equal(s.stacks.frames.items + stack->start, frames, sizeof(frames));
	/* The next profile counts from nothing, and still knows the stack. */
	samples_restart(&s);
	samples_add(&s, &a, &value);
	assert_int_equal(s.counts.len, 1);
	assert_int_equal(s.total, 3);
	assert_int_equal(s.lost_unknown, 0);
	samples_deinit(&s);
}

static void test_losses_are_counted(void **state)
{
	(void)state;
	struct samples s;
	struct sample_key a = key_of(1, 10);
	struct cpu_value value = { 2, 20 };
	static const uint64_t frame = 0x20000001000;

	samples_init(&s);
	samples_add(&s, &a, &value);
	assert_int_equal(s.lost_unknown, 2);
	assert_int_equal(s.total, 0);
	s.stacks.frames.len = STACKS_FRAMES_MAX;
	assert_int_equal(stacks_add(&s.stacks, a.stack, &frame, 1, 0), -ENOSPC);
	samples_restart(&s);
	assert_int_equal(s.lost_unknown, 0);
	assert_int_equal(s.stacks.frames.len, 0);
	/* A stack without frames is one too: a walk that found nothing. */
	assert_int_equal(stacks_add(&s.stacks, a.stack, NULL, 0, 0), 0);
	samples_add(&s, &a, &value);
	assert_int_equal(s.total, 2);
	samples_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_by_key),
		cmocka_unit_test(test_losses_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
