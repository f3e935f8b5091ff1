// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * forks [SECONDS]: children, one after the other, work 20 ms each in child_work and exit; between
 * them the parent works as long in parent_work.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "target.h"

TARGET_ROW uint64_t child_work(uint64_t ns)
{
	return target_spin(ns);
}

TARGET_ROW uint64_t parent_work(uint64_t ns)
{
	return target_spin(ns);
}

int main(int argc, char **argv)
{
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 1, 60));

	target_ready();
	while (!target_is_over(deadline_ns)) {
		pid_t child = fork();

		if (child < 0)
			return 1;
		if (child == 0) {
			child_work(20000000);
			_exit(0);
		}
		waitpid(child, NULL, 0);
		parent_work(20000000);
	}
	return 0;
}
