/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What the CPU profile's BPF program and its loader share: counts by struct sample_key. */
#pragma once

#include "abi/sample.h"

struct cpu_value {
	__u64 samples;
	__u64 ns; /* CPU time that these samples stand for */
};
