/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The lines on top of a report. */
#pragma once

#include "base/buf.h"
#include "report/graph.h"

/** Append what the profile is: file, build id, comments, type, time, duration; a line each. */
void labels_profile(const struct report *r, struct buf *b);

/**
 * Append all header lines of a graph report: the profile's, the filters', and what is shown.
 * `full`: for pictures, with the edges left out.
 */
void labels_report(const struct report *r, const struct graph *g, const struct graph_trimmed *t,
		   bool full, struct buf *b);

/** Print what labels_report() collects. */
int labels_print(const struct report *r, const struct graph *g, const struct graph_trimmed *t,
		 bool full, FILE *out, struct err *e);

/** Choose the output unit of -unit=minimum by the smallest node and the total. */
void labels_select_unit(struct report *r, const struct graph *g);
