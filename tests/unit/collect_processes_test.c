// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collect/processes.h"

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
	assert_int_equal(child->history.exec_ns, 150);
	assert_int_equal(ps.alive_targets, 1);
	const struct sideband_record later = exec_at(7, 300);
	processes_record(&ps, &later);
	assert_int_equal(child->history.exec_ns, 300);
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
		cmocka_unit_test(test_orphans_are_claimed),
		cmocka_unit_test(test_cpu_time_of_targets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
