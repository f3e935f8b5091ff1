/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Running a report verb on a profile that is already loaded. */
#pragma once

#include "cmd/report_options.h"
#include "report/report.h"

struct report_verb {
	const char *name;
	enum report_kind kind;
	int (*print)(struct report *r, FILE *out, struct err *e); /* NULL: a flame graph */
	const char *about; /* for the help: lines without the last newline */
	const char *image; /* the format that graphviz makes of it */
	bool takes_regexp; /* as its first word */
	bool binary;       /* nothing for a terminal */
};

/** Make and write the report; its remarks are said. `p` is changed. */
int report_run(const struct report_verb *v, struct profile *p, const struct report_args *args,
	       struct err *e);

/**
 * A verb with options of reports, all or `only` these (see report_args_parse()): print its help or
 * run it, and say what went wrong. The exit code.
 */
int report_main(int argc, char **argv, const char *const *only,
		void (*help)(const char *verb, FILE *out),
		int (*run)(struct report_args *args, struct err *e));
