/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What the verbs that capture say to --help. */
#pragma once

#include <stdio.h>

/** `cprofbpf cpu --help`. */
void capture_help_cpu(FILE *to);

/** `cprofbpf heap --help` and `cprofbpf allocs --help`. */
void capture_help_heap(FILE *to);
