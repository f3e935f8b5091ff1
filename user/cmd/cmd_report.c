// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* One verb for each report. */
#include "cmd/cmd_report.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cmd/report_load.h"
#include "cmd/report_options.h"
#include "cmd/say.h"
#include "report/report.h"

struct verb {
	enum report_kind kind;
	int (*print)(struct report *r, FILE *out, struct err *e);
};

/* Remarks, a line each. */
static void say_notes(const struct buf *notes)
{
	for (const char *line = notes->data; line && *line;) {
		size_t len = strcspn(line, "\n");
		say("%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static int print_report(const struct verb *v, struct profile *p, const struct report_args *args,
			struct buf *notes, struct err *e)
{
	_cleanup_(report_deinit) struct report r = { 0 };
	int rc = report_init(&r, p, &args->options, v->kind, notes, e);
	if (rc == 0)
		rc = v->print(&r, stdout, e);
	if (rc == 0 && fflush(stdout) != 0)
		rc = err_set(e, -errno, "cannot write the report");
	return rc;
}

static int run(const struct verb *v, const struct report_args *args, struct err *e)
{
	_cleanup_profile_ struct profile *p = NULL;
	_cleanup_(buf_deinit) struct buf notes = { 0 };
	int rc = report_load(args, args->words.items, args->words.len, &p, e);
	if (rc == 0)
		rc = print_report(v, p, args, &notes, e);
	say_notes(&notes);
	return rc;
}

static int run_verb(const struct verb *v, int argc, char **argv)
{
	_cleanup_(report_args_deinit) struct report_args args;
	struct err e = { 0 };

	if (report_args_parse(&args, argc, argv, &e) < 0 || run(v, &args, &e) < 0) {
		say_err(&e);
		return e.code == -EINVAL ? CMD_USAGE : CMD_FAILURE;
	}
	return CMD_OK;
}

int cmd_top(int argc, char **argv)
{
	static const struct verb verb = { REPORT_TEXT, report_print_text };

	return run_verb(&verb, argc, argv);
}
