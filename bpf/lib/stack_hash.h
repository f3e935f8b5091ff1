/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The 128-bit identity of a stack: equal code gives equal stacks, wherever it is mapped. */
#pragma once

#include <linux/types.h>

/*
 * Two independent 64-bit mixers make the 128-bit identity of a stack. Each step is a bijection of
 * the state for a given frame, so stacks that differ stay apart until later frames differ too;
 * taken as random, n distinct stacks collide with probability n^2 / 2^129: 10^-21 for a billion.
 */
#define STACK_HASH_INIT_0 0x243f6a8885a308d3ULL
#define STACK_HASH_INIT_1 0x13198a2e03707344ULL

struct stack_hash {
	__u64 h[2];
};

static __always_inline void stack_hash_add(struct stack_hash *hash, __u64 frame)
{
	__u64 a = (hash->h[0] ^ frame) * 0x9e3779b97f4a7c15ULL;
	__u64 b = (hash->h[1] + frame) * 0xc2b2ae3d27d4eb4fULL;

	hash->h[0] = a ^ (a >> 29);
	hash->h[1] = (b << 31) | (b >> 33);
}
