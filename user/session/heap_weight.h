/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What a sampled allocation stands for. */
#pragma once

#include <math.h>
#include <stdint.h>

/**
 * One over the probability that an allocation of `size` bytes is sampled at a mean of `rate` bytes
 * between samples: 1 / (1 - exp(-size / rate)). To be applied to each allocation and then summed; a
 * mean size would weigh small ones too little. Exactly 1 at rate 1, where every call is sampled; an
 * allocation of nothing counts as a byte, as in heap.bpf.c.
 */
static inline double heap_weight(uint64_t size, uint64_t rate)
{
	if (rate <= 1)
		return 1;
	return 1 / -expm1(-(double)(size ? size : 1) / (double)rate);
}
