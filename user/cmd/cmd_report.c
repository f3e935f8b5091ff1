// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* One verb for each report. */
#include "cmd/cmd_report.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cmd/report_load.h"
#include "cmd/report_options.h"
#include "cmd/report_output.h"
#include "cmd/say.h"
#include "report/report.h"

struct verb {
	const char *name;
	enum report_kind kind;
	int (*print)(struct report *r, FILE *out, struct err *e);
	bool takes_regexp; /* its first word */
};

static const struct verb verbs[] = {
	{ "top", REPORT_TEXT, report_print_text, false },
	{ "tree", REPORT_TREE, report_print_tree, false },
	{ "peek", REPORT_PEEK, report_print_tree, true },
	{ "list", REPORT_LIST, report_print_list, true },
	{ "traces", REPORT_TRACES, report_print_traces, false },
	{ "raw", REPORT_RAW, report_print_raw, false },
	{ "tags", REPORT_TAGS, report_print_tags, false },
	{ "dot", REPORT_DOT, report_print_dot, false },
	{ "callgrind", REPORT_CALLGRIND, report_print_callgrind, false },
	{ "proto", REPORT_PROTO, report_print_proto, false },
	{ "topproto", REPORT_TOPPROTO, report_print_topproto, false },
	{ "collapsed", REPORT_FLAME, report_print_collapsed, false },
	{ "speedscope", REPORT_FLAME, report_print_speedscope, false },
	{ "comments", REPORT_COMMENTS, report_print_comments, false },
};

static const struct verb *verb_find(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(verbs) - 1 && strcmp(verbs[i].name, name) != 0)
		i++;
	return &verbs[i];
}

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
	_cleanup_(report_output_close) struct report_output out = { 0 };
	int rc = report_init(&r, p, &args->options, v->kind, notes, e);
	if (rc == 0)
		rc = report_output_open(&out, args->output, e);
	if (rc == 0)
		rc = v->print(&r, out.file, e);
	return rc < 0 ? rc : report_output_commit(&out, e);
}

/* Take the verb's words apart: a regular expression, then files. */
static int take_words(const struct verb *v, struct report_args *args, size_t *first_file,
		      struct err *e)
{
	*first_file = 0;
	if (v->takes_regexp) {
		if (args->words.len == 0 || !args->words.items[0][0])
			return err_plain(e, -EINVAL, "'%s' needs a regular expression, then files",
					 v->name);
		args->options.symbol = args->words.items[0];
		*first_file = 1;
	}
	if (args->words.len == *first_file)
		return err_plain(e, -EINVAL, "'%s' needs a profile to read; '-' is standard input",
				 v->name);
	return 0;
}

static int run(const struct verb *v, struct report_args *args, struct err *e)
{
	_cleanup_profile_ struct profile *p = NULL;
	_cleanup_(buf_deinit) struct buf notes = { 0 };
	size_t first;
	int rc = take_words(v, args, &first, e);
	if (rc == 0)
		rc = report_load(args, args->words.items + first, args->words.len - first, &p, e);
	if (rc == 0)
		rc = print_report(v, p, args, &notes, e);
	say_notes(&notes);
	return rc;
}

int cmd_report(int argc, char **argv)
{
	const struct verb *v = verb_find(argv[0]);
	_cleanup_(report_args_deinit) struct report_args args;
	struct err e = { 0 };
	int rc = report_args_parse(&args, argc, argv, &e);

	if (rc == 0 && args.help) {
		report_args_help(v->name, v->takes_regexp ? "REGEXP FILE..." : "FILE...", stdout);
		return CMD_OK;
	}
	if (rc == 0)
		rc = run(v, &args, &e);
	if (rc == 0)
		return CMD_OK;
	say_err(&e);
	return e.code == -EINVAL ? CMD_USAGE : CMD_FAILURE;
}
