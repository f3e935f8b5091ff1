// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * execs SECONDS OTHER...: works in before_exec for SECONDS, then becomes the program OTHER with the
 * arguments that follow.
 */
#include <unistd.h>

#include "target.h"

TARGET_ROW void before_exec(void)
{
	target_work();
}

int main(int argc, char **argv)
{
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 1, 1));

	if (argc < 3)
		return 2;
	target_ready();
	while (!target_is_over(deadline_ns))
		before_exec();
	execv(argv[2], argv + 2);
	return 1;
}
