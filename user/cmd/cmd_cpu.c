// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cmd/capture.h"
#include "cmd/capture_options.h"
#include "cmd/cmd.h"
#include "cmd/output.h"
#include "cmd/report_named.h"
#include "cmd/say.h"
#include "cmd/signals.h"
#include "cmd/summary.h"
#include "cmd/targets.h"
#include "profile/profile.h"

/* Where a profile goes that could not be written where it should. */
#define RESCUE_DIR "/tmp"

struct run {
	struct capture_options options;
	struct targets targets;
	struct output output;
	struct output_series series;
	struct capture capture;
	struct buf command_line;
	struct buf figures, details; /* what is told at the end */
	bool empty;                  /* no samples */
};

/* As a shell would take it: what is more than letters, digits and plain signs is quoted. */
static int quote_words(struct buf *to, int argc, char **argv)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-+=.,:/@%^";

	for (int i = 0; i < argc; i++) {
		if (argv[i][0] && strspn(argv[i], plain) == strlen(argv[i])) {
			buf_printf(to, "%s%s", i ? " " : "", argv[i]);
			continue;
		}
		buf_printf(to, "%s'", i ? " " : "");
		for (const char *p = argv[i]; *p; p++)
			buf_add(to, *p == '\'' ? "'\\''" : p, *p == '\'' ? 4 : 1);
		buf_add(to, "'", 1);
	}
	return to->error;
}

static void say_lines(char *lines)
{
	for (char *line = lines ? strtok(lines, "\n") : NULL; line; line = strtok(NULL, "\n"))
		say("%s", line);
}

/* The command's output goes where ours goes: a profile in the middle of it would be lost. */
static int check_output(const struct capture_options *o, struct err *e)
{
	static const char *const names[] = { "-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1" };

	for (size_t i = 0; o->command && o->output && i < ARRAY_SIZE(names); i++)
		if (strcmp(o->output, names[i]) == 0)
			return err_plain(e, -EINVAL,
					 "'-o %s' would mix the profile into the command's output: "
					 "name a file",
					 o->output);
	return 0;
}

/* Everything that can be known to fail is found out before anything starts. */
static int run_prepare(struct run *r, int argc, char **argv, struct err *e)
{
	const struct capture_options *o = &r->options;
	int rc = targets_resolve(o, &r->targets, e);

	if (rc == 0)
		rc = targets_check_access(o, &r->targets, e);
	if (rc < 0)
		return rc;
	output_series_init(&r->series, r->targets.name);
	rc = o->output ? output_open(o->output, &r->output, e)
		       : output_open_series(".", &r->series, &r->output, e);
	if (rc < 0)
		return rc;
	signals_guard(&r->output);
	argv[0] = "cprofbpf";
	if (quote_words(&r->command_line, argc, argv) < 0)
		return err_set(e, -ENOMEM, "cannot keep the command line");
	if (!o->quiet)
		say_lines(r->targets.notes.data);
	return 0;
}

/* The figures are read before the profile is taken out of the session. */
static int run_measure(struct run *r, struct err *e)
{
	struct session_stats stats;

	session_stats(r->capture.session, &stats);
	r->empty = stats.samples == 0;
	if (summary_format(&r->figures, &stats) < 0 ||
	    (r->options.verbose && summary_details(&r->details, &stats) < 0))
		return err_set(e, -ENOMEM, "cannot tell the figures");
	return 0;
}

/*
 * Half a minute of somebody's outage is not thrown away because a disk is full: what cannot be
 * written where it should be is kept elsewhere, and it stays a failure.
 */
static int run_rescue(struct run *r, const struct buf *bytes, int code, struct err *e)
{
	const char *temp_dir = getenv("TMPDIR");
	const char *const dirs[] = { temp_dir && *temp_dir ? temp_dir : RESCUE_DIR, RESCUE_DIR,
				     NULL };
	char path[PATH_MAX];

	if (output_rescue(dirs, &r->series, bytes->data, bytes->len, path, NULL) < 0)
		return code;
	struct err first = *e;
	return err_plain(e, code, "%.256s; it is saved as '%.200s' instead", first.msg, path);
}

static int run_write(struct run *r, struct err *e)
{
	_cleanup_profile_ struct profile *profile = NULL;
	struct buf bytes = { 0 };
	int rc = session_rotate(r->capture.session, &profile, e);

	if (rc == 0)
		rc = report_named(profile, r->options.output, &bytes, e);
	if (rc == 0) {
		rc = output_commit(&r->output, bytes.data, bytes.len, e);
		if (rc < 0)
			rc = run_rescue(r, &bytes, rc, e);
	}
	buf_deinit(&bytes);
	return rc;
}

static void say_command(struct capture *c, const char *name)
{
	char status[128];

	if (spawn_poll(&c->spawn) == 1)
		say("'%s' %s", name, spawn_describe(c->spawn.status, status, sizeof(status)));
	else
		say("'%s' runs on as process %d", name, c->spawn.pid);
}

static int run_report(struct run *r)
{
	const struct capture_options *o = &r->options;

	if (!o->quiet && o->verbose)
		say_lines(r->details.data);
	if (!o->quiet && o->command)
		say_command(&r->capture, o->command[0]);
	if (r->empty)
		say("no samples: %s (%s); an empty profile is written to %s",
		    o->all ? "all processes slept" : "the target slept", r->figures.data,
		    r->output.path);
	else if (!o->quiet)
		say("%s, written to %s", r->figures.data, r->output.path);
	return r->empty ? CMD_NO_SAMPLES : CMD_OK;
}

/* 0, or a negative errno with what stopped us; a failure during the capture loses nothing. */
static int run_capture(struct run *r, struct err *e)
{
	struct err late = { 0 };
	int rc = capture_open(&r->options, &r->targets, r->command_line.data, &r->capture, e);

	if (rc < 0)
		return rc;
	rc = capture_run(&r->capture, &r->options, e);
	int written = run_measure(r, &late);
	if (written == 0)
		written = run_write(r, &late);
	if (rc < 0 && written == 0) {
		struct err first = *e;

		return err_plain(e, rc, "%.300s; what was sampled until then is written to %.150s",
				 first.msg, r->output.path);
	}
	if (rc == 0 && written < 0) {
		*e = late;
		rc = written;
	}
	return rc;
}

static void run_deinit(struct run *r)
{
	signals_guard(NULL);
	output_close(&r->output);
	capture_close(&r->capture);
	targets_deinit(&r->targets);
	capture_options_deinit(&r->options);
	buf_deinit(&r->command_line);
	buf_deinit(&r->figures);
	buf_deinit(&r->details);
}

int cmd_cpu(int argc, char **argv)
{
	_cleanup_(run_deinit) struct run r = { .output = { .dir_fd = -1, .fd = -1 },
					       .capture = { .spawn.fd = -1 } };
	struct err e = { 0 };

	if (capture_options_parse(argc, argv, &r.options, &e) < 0 ||
	    (!r.options.help && check_output(&r.options, &e) < 0)) {
		say_err(&e);
		return CMD_USAGE;
	}
	if (r.options.help) {
		capture_options_help(stdout);
		return CMD_OK;
	}
	if (run_prepare(&r, argc, argv, &e) < 0 || run_capture(&r, &e) < 0) {
		say_err(&e);
		return CMD_FAILURE;
	}
	return run_report(&r);
}
