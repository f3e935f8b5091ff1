// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collect/processes.h"

static struct unwind_mapping mapping(uint64_t start, uint64_t end, uint32_t file)
{
	return (struct unwind_mapping){ .start = start, .end = end, .file = file };
}

static void record(struct process *p, uint64_t time_ns, uint64_t start, uint64_t end, uint32_t file)
{
	vec_push(&p->records, (struct process_record){ time_ns, mapping(start, end, file) });
}

struct want {
	uint64_t start, end;
	uint32_t file;
};

static void check(const struct process *p, uint64_t time_ns, const struct want *want, size_t len)
{
	struct mapping_list list = { 0 };

	process_recall(p, time_ns, &list);
	assert_int_equal(list.len, len);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(list.items[i].start, want[i].start);
		assert_int_equal(list.items[i].end, want[i].end);
		assert_int_equal(list.items[i].file, want[i].file);
	}
	vec_deinit(&list);
}

/* A child forked at 100 executes at 200; its parent had files 2 and 3. */
static void test_recall_by_time(void **state)
{
	(void)state;
	struct process p = { .exec_ns = 200 };

	vec_push(&p.inherited, mapping(0x1000, 0x2000, 2));
	vec_push(&p.inherited, mapping(0x5000, 0x9000, 3));
	record(&p, 150, 0x3000, 0x4000, 4);
	record(&p, 210, 0x6000, 0x7000, 5);
	record(&p, 230, 0x1000, 0x1800, 6);

	const struct want forked[] = { { 0x1000, 0x2000, 2 }, { 0x5000, 0x9000, 3 } };
	const struct want loaded[] = { { 0x1000, 0x2000, 2 },
				       { 0x3000, 0x4000, 4 },
				       { 0x5000, 0x9000, 3 } };
	const struct want executed[] = { { 0x6000, 0x7000, 5 } };
	const struct want both[] = { { 0x1000, 0x1800, 6 }, { 0x6000, 0x7000, 5 } };
	check(&p, 120, forked, 2);
	check(&p, 199, loaded, 3);
	check(&p, 205, NULL, 0);
	check(&p, 220, executed, 1);
	check(&p, UINT64_MAX, both, 2);
	vec_deinit(&p.inherited);
	vec_deinit(&p.records);
}

/* A later mapping takes the place of all that it overlaps, wherever it comes. */
static void test_recall_overlaps(void **state)
{
	(void)state;
	struct process p = { 0 };

	record(&p, 1, 0x1000, 0x2000, 2);
	record(&p, 2, 0x3000, 0x4000, 3);
	record(&p, 3, 0x4000, 0x5000, 4);
	record(&p, 4, 0x1800, 0x3800, 5);
	record(&p, 5, 0x0, 0x800, 6);
	const struct want want[] = { { 0x0, 0x800, 6 },
				     { 0x1800, 0x3800, 5 },
				     { 0x4000, 0x5000, 4 } };
	check(&p, 10, want, 3);
	vec_deinit(&p.records);
}

static struct sideband_record exec_at(pid_t pid, uint64_t time_ns)
{
	return (struct sideband_record){ .pid = pid, .time_ns = time_ns, .executes = true };
}

/* What the side band told of a child before its fork became known is its own; older records are
 * another's. */
static void test_orphans_are_claimed(void **state)
{
	(void)state;
	struct code_files files;
	struct processes ps;
	struct pool pool = { 0 };

	code_files_init(&files, NULL);
	processes_init(&ps, &files, &pool, -1);
	const struct sideband_record told[] = { exec_at(7, 50), exec_at(7, 150), exec_at(8, 160) };
	for (size_t i = 0; i < 3; i++)
		processes_record(&ps, &told[i]);
	struct process *child = processes_add(&ps, 7, true);
	process_inherit(&ps, child, NULL, 100);
	assert_int_equal(child->exec_ns, 150);
	assert_int_equal(ps.alive_targets, 1);
	const struct sideband_record later = exec_at(7, 300);
	processes_record(&ps, &later);
	assert_int_equal(child->exec_ns, 300);
	processes_deinit(&ps);
	code_files_deinit(&files);
}

static void test_cpu_time_of_targets(void **state)
{
	(void)state;
	struct code_files files;
	struct processes ps;
	struct pool pool = { 0 };

	code_files_init(&files, NULL);
	processes_init(&ps, &files, &pool, -1);
	struct process *target = processes_add(&ps, 0x7ffffff0, true);
	struct process *other = processes_add(&ps, 0x7ffffff1, false);
	target->cpu_base_ns = 100;
	other->cpu_ns = 1000;
	process_end(&ps, target, 350);
	assert_int_equal(ps.alive_targets, 0);
	assert_int_equal(processes_cpu_ns(&ps), 250);
	/* The number is used again: what the first one used stays counted. */
	target = processes_add(&ps, 0x7ffffff0, true);
	target->cpu_ns = 40;
	assert_int_equal(processes_cpu_ns(&ps), 290);
	processes_rebase(&ps);
	assert_int_equal(processes_cpu_ns(&ps), 0);
	processes_deinit(&ps);
	code_files_deinit(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recall_by_time),
		cmocka_unit_test(test_recall_overlaps),
		cmocka_unit_test(test_orphans_are_claimed),
		cmocka_unit_test(test_cpu_time_of_targets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
