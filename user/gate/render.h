/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * A verdict as text, one file for each format. Equal verdicts give equal bytes. All append to `to`
 * and return 0 or -ENOMEM. Names come out escaped as the format asks; bytes that are no UTF-8
 * become U+FFFD.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "gate/judge.h"

struct gate_table_options {
	bool colour; /* ANSI escapes */
	int width;   /* columns of the terminal, names are cut to fit; 0: no limit */
	bool all;    /* rows of functions that did not change, too */
};

/** For people: totals, functions with their change and interval, reasons, what to do. */
int gate_render_table(const struct gate_verdict *v, const struct gate_table_options *o,
		      struct buf *to);

/** All that the verdict holds; numbers in full, null for what is not known. */
int gate_render_json(const struct gate_verdict *v, struct buf *to);

/**
 * JUnit XML as CI systems read it (tests/unit/gate_junit.xsd): a suite for each metric, a case for
 * its total and for each function; <failure> regressed, <skipped> inconclusive.
 */
int gate_render_junit(const struct gate_verdict *v, struct buf *to);

/** For a pull request comment (at most 65,536 bytes) or a step summary. */
int gate_render_markdown(const struct gate_verdict *v, struct buf *to);

/**
 * GitHub workflow commands: ::error for regressions, ::warning for warnings and what is
 * inconclusive, ::notice for improvements; at most ten of each, as many as GitHub shows. Files
 * below `root` (NULL: none) are named relative to it, as GitHub wants them, if `has` (NULL: any)
 * says that the root has them. Of functions in other files, such as libraries', only the culprit is
 * told.
 */
int gate_render_github(const struct gate_verdict *v, const char *root,
		       bool (*has)(const char *root, const char *name), struct buf *to);
