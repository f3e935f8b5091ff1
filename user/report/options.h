/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What a report is asked for; names and meanings are those of go tool pprof's options. */
#pragma once

#include <stdbool.h>

enum report_granularity {
	GRANULARITY_DEFAULT, /* functions, unless the report has another */
	GRANULARITY_FUNCTIONS,
	GRANULARITY_FILEFUNCTIONS,
	GRANULARITY_FILES,
	GRANULARITY_LINES,
	GRANULARITY_ADDRESSES,
};

/** Strings may be NULL: not given. The caller keeps them alive while the report is made. */
struct report_options {
	const char *sample_index; /* a sample type's name or number; default: see report_init() */
	bool mean;                /* divide by the first sample type */
	double divide_by;
	const char *unit; /* "minimum": chosen from the values */

	long node_count; /* -1: the report's default; 0: all */
	double node_fraction, edge_fraction;
	bool no_trim; /* ignore the three above */
	bool cum_sort;
	bool drop_negative;
	bool call_tree;
	bool compact_labels;
	bool relative_percentages;

	enum report_granularity granularity;
	bool no_inlines;
	bool show_columns;

	const char *focus, *ignore, *hide, *show, *show_from, *prune_from;
	const char *tag_focus, *tag_ignore, *tag_show, *tag_hide;
	const char *tag_root, *tag_leaf; /* label keys, separated by commas */

	const char *symbol;      /* regular expression of peek and list */
	bool all_frames;         /* keep what the profile's drop_frames would drop */
	const char *source_path; /* directories, separated by colons */
	const char *trim_path;
};

#define REPORT_OPTIONS_DEFAULT                                                                     \
	((struct report_options){ .divide_by = 1,                                                  \
				  .unit = "minimum",                                               \
				  .node_count = -1,                                                \
				  .node_fraction = 0.005,                                          \
				  .edge_fraction = 0.001 })
