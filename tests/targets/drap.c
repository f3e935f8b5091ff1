// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * drap [SECONDS]: functions that realign their stack. Their CFA is an expression or hangs on
 * another register than rsp and rbp. Built with -O2 -mavx2; nothing here executes an AVX
 * instruction.
 */
#include <string.h>

#include "target.h"

TARGET_ROW void leaf_work(void)
{
	target_work();
}

/* The stack is aligned to 64 and of variable size: the CFA goes through a saved register. */
TARGET_ROW int realigned_work(unsigned n)
{
	volatile char aligned[64] __attribute__((aligned(64)));
	volatile char text[n % 100 + 1];

	memset((void *)aligned, (int)n, 1);
	text[0] = aligned[0];
	leaf_work();
	target_work();
	return text[0] + aligned[0];
}

__attribute__((force_align_arg_pointer)) TARGET_ROW int forced_work(unsigned n)
{
	volatile char text[n % 60 + 1];

	text[0] = (char)realigned_work(n);
	target_work();
	return text[0];
}

int main(int argc, char **argv)
{
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 1, 60));
	volatile int sum = 0;

	target_ready();
	for (unsigned i = 0; !target_is_over(deadline_ns); i++)
		sum += forced_work(i);
	return 0;
}
