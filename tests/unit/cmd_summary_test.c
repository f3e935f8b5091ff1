// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cmd/summary.h"

static const struct session_incomplete rows[] = {
	{ "no unwind information", "/usr/lib/libfoo.so", 5 },
	{ "stack copy too short", "/usr/bin/prog", 2 },
	{ "no unwind information", "", 1 },
};
static const struct session_lost lost[] = {
	{ "ring buffer full", 3 },
	{ "table of counts full", 1 },
};

static void test_shares_are_never_rounded_up(void **state)
{
	(void)state;
	static const struct {
		uint64_t complete, user, lost;
		const char *want;
	} cases[] = {
		{ 0, 0, 0, "" },
		{ 0, 1, 0, "0.00%" },
		{ 1, 1, 0, "100%" },
		{ 1, 3, 0, "33.33%" },
		{ 2, 3, 0, "66.66%" },
		{ 3, 3, 1, "75.00%" },
		{ 0, 0, 4, "0.00%" },
		{ 999999, 1000000, 0, "99.99%" },
		{ 9995, 10000, 0, "99.95%" },
		{ 10000000000000000, 10000000000000001, 0, "99.99%" },
		{ 1000000, 1000000, 0, "100%" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct session_stats s = { .complete = cases[i].complete,
					   .user_samples = cases[i].user,
					   .lost = cases[i].lost };
		char got[SUMMARY_PERCENT_MAX];

		assert_int_equal(summary_complete(&s, got), cases[i].want[0] != '\0');
		assert_string_equal(got, cases[i].want);
	}
}

static void test_the_line_at_the_end(void **state)
{
	(void)state;
	static const struct {
		struct session_stats stats;
		const char *want;
	} cases[] = {
		{ { .duration_ns = 30040000000,
		    .samples = 2996,
		    .user_samples = 2996,
		    .complete = 2996,
		    .sampled_ns = 29960000000,
		    .kernel_ns = 30010000000 },
		  "2996 samples in 30.0 s, 100% complete stacks, 0 lost, 29.96 s CPU sampled (the "
		  "kernel counts 30.01 s)" },
		{ { .duration_ns = 1000000000,
		    .samples = 96,
		    .user_samples = 96,
		    .complete = 88,
		    .lost = 4,
		    .throttled = 7,
		    .sampled_ns = 960000000,
		    .incomplete = rows,
		    .incomplete_len = 3,
		    .lost_by = lost,
		    .lost_by_len = 2 },
		  "96 samples in 1.0 s, 88.00% complete stacks (incomplete: 6 no unwind "
		  "information, 2 stack copy too short), 4 lost (3 ring buffer full, 1 table of "
		  "counts full), about 7 throttled, 0.96 s CPU sampled" },
		{ { .duration_ns = 500000000, .samples = 3, .sampled_ns = 30000000 },
		  "3 samples in 0.5 s, 0 lost, 0.03 s CPU sampled" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf got = { 0 };

		assert_int_equal(summary_format(&got, &cases[i].stats), 0);
		assert_string_equal(got.data, cases[i].want);
		buf_deinit(&got);
	}
}

static void test_the_line_of_a_heap(void **state)
{
	(void)state;
	static const struct {
		struct session_heap_stats heap;
		const char *want;
		bool cpu_unknown;
	} cases[] = {
		{ { .cost_ns = 20000000 },
		  "allocated 0 B in 0 objects, in use of that 0 B in 0, heap probes cost this "
		  "process 0.02 s CPU",
		  true },
		{ { .cost_ns = 1.1e9 },
		  "allocated 0 B in 0 objects, in use of that 0 B in 0, heap probes cost this "
		  "process 100.00% of its CPU",
		  false },
		{ { .alloc_objects = 10, .alloc_bytes = 1000 },
		  "allocated 1000 B in 10 objects, in use of that 0 B in 0, heap probes cost this "
		  "process 0.00% of its CPU",
		  false },
		{ { .alloc_objects = 10,
		    .alloc_bytes = 3 << 20,
		    .inuse_objects = 4,
		    .inuse_bytes = 1 << 20,
		    .resident = { .anonymous = 5 << 20,
				  .stacks = 96 << 10,
				  .file = 2 << 20,
				  .shared = 4096 },
		    .cost_ns = 20000000 },
		  "allocated 3.00 MB in 10 objects, in use of that 1.00 MB in 4, RSS 7.10 MB (up "
		  "to 1.00 MB live since attach, 4.00 MB other anonymous, 96.00 kB thread stacks, "
		  "2.00 MB file-mapped, 4.00 kB shared), heap probes cost this process 2.00% of "
		  "its CPU",
		  false },
		{ { .unprobed = 3, .late = 2, .late_ns = 7400000 },
		  "allocated 0 B in 0 objects, in use of that 0 B in 0, 3 processes ended before "
		  "they were probed, 2 programs were probed up to 7.4 ms after they began, heap "
		  "probes cost this process 0.00% of its CPU",
		  false },
		{ { .probe_errors = 2, .probe_error = "no room" },
		  "allocated 0 B in 0 objects, in use of that 0 B in 0, 2 files could not be "
		  "probed (no room), heap probes cost this process 0.00% of its CPU",
		  false },
		{ { .inuse_bytes = 64 << 20,
		    .resident = { .anonymous = 1 << 20 },
		    .rate_bytes = 2048,
		    .raised = 1 },
		  "allocated 0 B in 0 objects, in use of that 64.00 MB in 0, RSS 1.00 MB (up to "
		  "1.00 MB live since attach, 0 B other anonymous, 0 B thread stacks, 0 B "
		  "file-mapped, 0 B shared), rate raised to 2.00 kB, heap probes cost this "
		  "process 0.00% of its CPU",
		  false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct session_stats s = { .duration_ns = 1000000000,
						 .kernel_ns = cases[i].cpu_unknown ? 0 : 1000000000,
						 .heap = &cases[i].heap };
		const char *start = "0 samples in 1.0 s, 0 lost, ";
		struct buf got = { 0 };

		assert_int_equal(summary_format(&got, &s), 0);
		assert_memory_equal(got.data, start, strlen(start));
		assert_string_equal(got.data + strlen(start), cases[i].want);
		buf_deinit(&got);
	}
}

static void test_details(void **state)
{
	(void)state;
	const struct session_stats s = {
		.duration_ns = 2000000000,
		.self_cpu_ns = 5000000,
		.problems = (const char *const[]){ "cannot open '/gone': No such file" },
		.problems_len = 1,
		.unwind_rows = 1200,
		.unwind_files = 3,
		.finished_walks = 7,
		.verified_insns = 24000,
		.truncated = 9,
		.incomplete = rows,
		.incomplete_len = 3,
		.lost_by = lost,
		.lost_by_len = 2,
	};
	struct buf got = { 0 };

	assert_int_equal(summary_details(&got, &s), 0);
	assert_string_equal(got.data, "incomplete: 5 no unwind information in /usr/lib/libfoo.so\n"
				      "incomplete: 2 stack copy too short in /usr/bin/prog\n"
				      "incomplete: 1 no unwind information in anonymous memory\n"
				      "truncated: 9 deeper than the limit\n"
				      "lost: 3 ring buffer full\n"
				      "lost: 1 table of counts full\n"
				      "file: cannot open '/gone': No such file\n"
				      "unwinding: 1200 rows of 3 files, 7 walks finished outside "
				      "the kernel\n"
				      "kernel: 24000 verified instructions\n"
				      "profiler: 0.005 s CPU, 0.25% of one\n");
	buf_deinit(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_are_never_rounded_up),
		cmocka_unit_test(test_the_line_at_the_end),
		cmocka_unit_test(test_the_line_of_a_heap),
		cmocka_unit_test(test_details),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
