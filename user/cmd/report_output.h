/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Where a report goes: standard output, or a file that is complete or not there at all. */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "cmd/output.h"

struct report_output {
	FILE *file; /* what the report is printed to, as it is made: nothing is kept in memory */
	struct output output;
	bool to_output; /* else to standard output */
};

/** NULL or "-": standard output. 0 or a negative errno; close in any case. */
int report_output_open(struct report_output *o, const char *path, struct err *e);

/** All is printed: make it be there. */
int report_output_commit(struct report_output *o, struct err *e);

void report_output_close(struct report_output *o);

/** Write finished bytes to `path` (NULL: standard output), whole or not at all. */
int report_output_write(const char *path, const void *bytes, size_t len, struct err *e);
