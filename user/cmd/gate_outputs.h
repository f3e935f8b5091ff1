/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Where a verdict goes. Files are opened before anything is measured, so that one that cannot be
 * written is told at once; they are complete or not there at all.
 */
#pragma once

#include "base/err.h"
#include "cmd/gate_merge.h"
#include "cmd/gate_options.h"
#include "cmd/output.h"
#include "gate/judge.h"

enum {
	GATE_OUTPUT_JSON,
	GATE_OUTPUT_JUNIT,
	GATE_OUTPUT_MARKDOWN,
	GATE_OUTPUT_SVG,
	GATE_OUTPUTS,
};

struct gate_outputs {
	const struct gate_options *o;
	struct output files[GATE_OUTPUTS];
	bool open[GATE_OUTPUTS];
};

/** Open the files that `o` names; it stays in use. Close in any case. */
int gate_outputs_open(struct gate_outputs *outputs, const struct gate_options *o, struct err *e);

/**
 * Write the verdict to all of them, and print the table unless it is not wanted or another format
 * goes to standard output. `merge` is needed for a picture alone.
 */
int gate_outputs_write(struct gate_outputs *outputs, const struct gate_verdict *v,
		       const struct gate_merge *merge, struct err *e);
void gate_outputs_close(struct gate_outputs *outputs);
