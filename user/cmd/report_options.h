/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The command line of the report verbs: pprof's options, in any order with the files. */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "base/vec.h"
#include "report/options.h"

#define REPORT_OPTIONS_MAX 96

/** What a report verb was called with. All strings are argv's. */
struct report_args {
	const char *verb; /* argv[0] */
	struct report_options options;
	vec_of(const char *) words; /* what is no option: a regular expression, files */
	vec_of(const char *) base;
	vec_of(char *)
		live; /* what to capture instead of reading files, as cpu's argv; may be empty */
	bool chosen[REPORT_OPTIONS_MAX]; /* flags that stand for a value, while parsing */
	bool diff_base;                  /* the base's samples are marked: -diff_base */
	bool normalize;
	bool text_flame; /* flame --text */
	bool inverted;   /* flame --inverted: the root at the bottom */
	bool help;
	const char *output; /* -o; NULL: standard output */
	const char *title;
	const char *comment;
};

/**
 * Parse argv[1..]; argv[0] is the verb. "-opt=v", "--opt=v", "-opt v"; flags also "-opt=false".
 * Everything after "--" is a word. `only`: the options that the verb has, NULL at the end; NULL:
 * all. Of several choices of a value -sample_index wins, and the others are said to be ignored;
 * several orders or granularities are wrong. -EINVAL names what is wrong. The caller calls
 * report_args_deinit() in any case.
 */
int report_args_parse(struct report_args *a, const char *const *only, int argc, char **argv,
		      struct err *e);

/** What the help of a verb says beside its options. */
struct report_help {
	const char *about; /* lines without the last newline */
	const char *verb, *words;
	const char *live_words; /* to profile a process instead; NULL: it takes two files */
};

/** Print what a verb does and takes. */
void report_args_help(const struct report_help *h, FILE *out);
void report_args_deinit(struct report_args *a);
