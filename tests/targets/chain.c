// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * chain [SECONDS]: one known stack, main > level_one > level_two > level_three > leaf_work, with
 * frames of different shapes. Built by both compilers, at every -O, static, static-pie, stripped.
 */
#include <string.h>

#include "target.h"

TARGET_ROW void leaf_work(void)
{
	target_work();
}

/* A frame with a buffer. */
TARGET_ROW int level_three(int n)
{
	volatile char text[200];

	memset((void *)text, n, sizeof(text));
	leaf_work();
	TARGET_NO_TAIL_CALL();
	return text[n & 127];
}

/* A frame of variable size. */
TARGET_ROW int level_two(int n)
{
	volatile char text[n + 17];

	text[n] = (char)level_three(n);
	return text[n];
}

/* Many arguments, some on the stack, and callee-saved registers in use across the call. */
TARGET_ROW int level_one(int a, int b, int c, int d, int e, int f, int g, int h)
{
	int sum = level_two(a & 63);

	return sum + b + c + d + e + f + g * h;
}

int main(int argc, char **argv)
{
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 1, 60));
	volatile int sum = 0;

	target_ready();
	for (int i = 0; !target_is_over(deadline_ns); i++)
		sum += level_one(i, i, i, i, i, i, i, sum);
	return 0;
}
