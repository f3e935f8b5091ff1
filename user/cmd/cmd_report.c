// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* One verb for each report. */
#include "cmd/cmd_report.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cmd/report_image.h"
#include "cmd/report_load.h"
#include "cmd/report_options.h"
#include "cmd/report_output.h"
#include "cmd/report_run.h"
#include "cmd/say.h"
#include "cmd/stdout_terminal.h"
#include "report/flame.h"
#include "report/terminal.h"

static const char picture[] =
	"The call graph as a picture: boxes by own value, edges by what flows through\n"
	"them. It is drawn by the program dot of graphviz.";

static const struct report_verb verbs[] = {
	{ "top", REPORT_TEXT, report_print_text,
	  .about = "The functions of a profile, heaviest first: flat is what each took itself,\n"
		   "cum what it took with all that it called, sum% the flat% of all rows so far." },
	{ "tree", REPORT_TREE, report_print_tree,
	  .about = "Each function between its callers, above it, and its callees, below it." },
	{ "peek", REPORT_PEEK, report_print_tree,
	  .about = "Each function that matches between its callers, above it, and its callees,\n"
		   "below it. Nothing is trimmed.",
	  .takes_regexp = true },
	{ "list", REPORT_LIST, report_print_list,
	  .about = "The source of each function that matches, line by line: what the line took\n"
		   "itself, and with what it called. Needs the sources, where the profile says\n"
		   "or in -source_path.",
	  .takes_regexp = true },
	{ "traces", REPORT_TRACES, report_print_traces,
	  .about = "Every sample: its labels, its value and its stack, the leaf first." },
	{ "raw", REPORT_RAW, report_print_raw,
	  .about = "All that a profile holds, as text: samples, locations, mappings." },
	{ "tags", REPORT_TAGS, report_print_tags,
	  .about = "The labels of a profile, and what the samples of each of their values weigh." },
	{ "comments", REPORT_COMMENTS, report_print_comments,
	  .about = "The comments of a profile. In ours: the command, the machine, and why stacks\n"
		   "are incomplete or samples lost." },
	{ "dot", REPORT_DOT, report_print_dot,
	  .about = "The call graph in the language of graphviz." },
	{ "svg", REPORT_DOT, report_print_dot, .about = picture, .image = "svg" },
	{ "png", REPORT_DOT, report_print_dot, .about = picture, .image = "png" },
	{ "pdf", REPORT_DOT, report_print_dot, .about = picture, .image = "pdf" },
	{ "callgrind", REPORT_CALLGRIND, report_print_callgrind,
	  .about = "The call graph in the format of callgrind, for kcachegrind and qcachegrind." },
	{ "proto", REPORT_PROTO, report_print_proto,
	  .about = "A profile of what filters leave, for pprof.", .binary = true },
	{ "topproto", REPORT_TOPPROTO, report_print_topproto,
	  .about = "The table of top as a profile, for pprof.", .binary = true },
	{ "collapsed", REPORT_FLAME, report_print_collapsed,
	  .about = "A line for each stack, the root first, and its value: for flamegraph.pl and\n"
		   "others." },
	{ "speedscope", REPORT_FLAME, report_print_speedscope,
	  .about = "The stacks as JSON, for https://speedscope.app." },
	{ "flame", REPORT_FLAME, NULL,
	  .about = "A flame graph, as one SVG file for a browser: click zooms, Ctrl-F searches.\n"
		   "With -text it is drawn in the terminal." },
};

static const struct report_verb *verb_find(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(verbs) - 1 && strcmp(verbs[i].name, name) != 0)
		i++;
	return &verbs[i];
}

static int print_flame(struct report *r, const struct report_args *args, bool terminal, FILE *out,
		       struct err *e)
{
	struct flame_options o = { .title = args->title, .inverted = args->inverted };

	if (!args->text_flame) {
		if (terminal)
			return err_plain(e, -EINVAL,
					 "a flame graph is a picture: name a file with -o "
					 "flame.svg, or draw it here with --text");
		return flame_print_svg(r, &o, out, e);
	}
	if (terminal) {
		struct terminal t = stdout_terminal();
		o.colors = t.colors;
		o.columns = t.columns;
	}
	return flame_print_text(r, &o, out, e);
}

/* A report's text, in memory. */
static int print_text(const struct report_verb *v, struct report *r, char **text, size_t *len,
		      struct err *e)
{
	FILE *file = open_memstream(text, len);
	if (!file)
		return err_set(e, -errno, "cannot make the report");
	int rc = v->print(r, file, e);
	if (fclose(file) != 0 && rc == 0)
		rc = err_set(e, -errno, "cannot make the report");
	return rc;
}

static int print_changed(const struct report_verb *v, struct report *r, FILE *out, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int rc = print_text(v, r, &text, &len, e);
	if (rc < 0)
		return rc;
	if (v->image)
		return report_image_draw(v->image, text, len, out, e);
	struct terminal t = stdout_terminal();
	terminal_print(v->kind, text, &t, out);
	return 0;
}

static int print(const struct report_verb *v, struct report *r, const struct report_args *args,
		 FILE *out, struct err *e)
{
	bool terminal = out == stdout && isatty(STDOUT_FILENO);

	if ((v->image || v->binary) && terminal)
		return err_plain(e, -EINVAL, "'%s' is not for a terminal: name a file with -o",
				 v->name);
	if (!v->print)
		return print_flame(r, args, terminal, out, e);
	return v->image || terminal ? print_changed(v, r, out, e) : v->print(r, out, e);
}

int report_run(const struct report_verb *v, struct profile *p, const struct report_args *args,
	       struct err *e)
{
	_cleanup_(report_deinit) struct report r = { 0 };
	_cleanup_(report_output_close) struct report_output out = { 0 };
	_cleanup_(buf_deinit) struct buf notes = { 0 };
	int rc = report_init(&r, p, &args->options, v->kind, &notes, e);

	say_lines(&notes);
	if (rc == 0)
		rc = report_output_open(&out, args->output, e);
	if (rc == 0)
		rc = print(v, &r, args, out.file, e);
	return rc < 0 ? rc : report_output_commit(&out, e);
}

/* Take the verb's words apart: a regular expression, then files. */
static int take_words(const struct report_verb *v, struct report_args *args, size_t *first_file,
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
	if (args->words.len == *first_file && args->live.len == 0)
		return err_plain(e, -EINVAL,
				 "'%s' needs a profile to read ('-' is standard input), or a "
				 "process: -p PID",
				 v->name);
	return 0;
}

/* A table in the place of a picture, or of the profile that it is of, is nobody's wish. */
static int check_output_name(const struct report_verb *v, const char *output, struct err *e)
{
	static const struct {
		const char *suffix, *verbs[2], *advice;
	} forms[] = {
		{ ".svg", { "svg", "flame" }, "'flame' or 'svg'" },
		{ ".png", { "png", "png" }, "'png'" },
		{ ".pdf", { "pdf", "pdf" }, "'pdf'" },
		{ ".pb.gz", { "proto", "topproto" }, "'proto'" },
	};
	size_t len = output ? strlen(output) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t n = strlen(forms[i].suffix);

		if (len <= n || strcmp(output + len - n, forms[i].suffix) != 0 ||
		    strcmp(v->name, forms[i].verbs[0]) == 0 ||
		    strcmp(v->name, forms[i].verbs[1]) == 0)
			continue;
		return err_plain(e, -EINVAL, "'%s' does not write %s files: %s does", v->name,
				 forms[i].suffix, forms[i].advice);
	}
	return 0;
}

static int run(struct report_args *args, struct err *e)
{
	const struct report_verb *v = verb_find(args->verb);
	_cleanup_profile_ struct profile *p = NULL;
	size_t first;

	/* Large arrays go back to the system as they grow and are freed, not into holes. */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	int rc = take_words(v, args, &first, e);

	if (rc == 0)
		rc = check_output_name(v, args->output, e);
	if (rc == 0)
		rc = report_load(args, args->words.items + first, args->words.len - first, &p, e);
	return rc < 0 ? rc : report_run(v, p, args, e);
}

static void help(const char *verb, FILE *out)
{
	const struct report_verb *v = verb_find(verb);
	struct report_help h = {
		.about = v->about,
		.verb = v->name,
		.words = v->takes_regexp ? "REGEXP FILE..." : "FILE...",
		.live_words = v->takes_regexp ? "REGEXP -p PID" : "-p PID",
	};

	report_args_help(&h, out);
}

int report_main(int argc, char **argv, const char *const *only,
		void (*help)(const char *verb, FILE *out),
		int (*run)(struct report_args *args, struct err *e))
{
	_cleanup_(report_args_deinit) struct report_args args;
	struct err e = { 0 };
	int rc = report_args_parse(&args, only, argc, argv, &e);

	if (rc == 0 && args.help)
		help(args.verb, stdout);
	else if (rc == 0)
		rc = run(&args, &e);
	if (rc == 0)
		return CMD_OK;
	say_err(&e);
	return e.code == -EINVAL ? CMD_USAGE : CMD_FAILURE;
}

int cmd_report(int argc, char **argv)
{
	return report_main(argc, argv, NULL, help, run);
}
