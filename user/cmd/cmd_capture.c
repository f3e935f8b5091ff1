// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cmd/capture.h"
#include "cmd/capture_help.h"
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
			buf_printf(to, " %s", argv[i]);
			continue;
		}
		buf_printf(to, " '");
		for (const char *p = argv[i]; *p; p++)
			buf_add(to, *p == '\'' ? "'\\''" : p, *p == '\'' ? 4 : 1);
		buf_add(to, "'", 1);
	}
	return to->error;
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

/* The verb that the command line is recorded with. */
static const char *verb_of(const struct capture_options *o)
{
	if (o->kind != SESSION_HEAP)
		return "";
	return o->heap.alloc_default ? " allocs" : " heap";
}

/* As pprof names what it saves. */
static const char *series_types(enum session_kind kind)
{
	return kind == SESSION_HEAP ? "alloc_objects.alloc_space.inuse_objects.inuse_space"
				    : "samples.cpu";
}

/* Everything that can be known to fail is found out before anything starts. */
static int run_prepare(struct run *r, int argc, char **argv, struct err *e)
{
	const struct capture_options *o = &r->options;
	int rc = targets_resolve(o, &r->targets, e);

	if (rc == 0)
		rc = targets_check_access(o, &r->targets, e);
	if (rc == 0 && o->kind == SESSION_HEAP)
		rc = targets_check_class(&r->targets, e);
	if (rc < 0)
		return rc;
	output_series_init(&r->series, r->targets.name, series_types(o->kind));
	rc = o->output ? output_open(o->output, &r->output, e)
		       : output_open_series(".", &r->series, &r->output, e);
	if (rc < 0)
		return rc;
	signals_guard(&r->output);
	buf_printf(&r->command_line, "cprofbpf%s", verb_of(o));
	if (quote_words(&r->command_line, argc - 1, argv + 1) < 0)
		return err_set(e, -ENOMEM, "cannot keep the command line");
	if (!o->quiet)
		say_lines(&r->targets.notes);
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

/*
 * Where snapshots go: to "heap.NNN.pb.gz" for "heap.pb.gz", or into the series that the profile
 * itself will be of; NULL if it goes where nothing can stand beside it.
 */
static const char *snapshot_series(const struct run *r, char dir[PATH_MAX],
				   struct output_series *series)
{
	const char *path = r->options.output, *slash = path ? strrchr(path, '/') : NULL;

	*series = r->series;
	if (!path)
		return ".";
	if (r->output.kind == OUTPUT_IN_PLACE)
		return NULL;
	const char *name = slash ? slash + 1 : path;
	size_t stem = strlen(name);
	if (stem > 6 && strcmp(name + stem - 6, ".pb.gz") == 0)
		stem -= 6;
	snprintf(series->prefix, sizeof(series->prefix), "%.*s.", (int)stem, name);
	snprintf(dir, PATH_MAX, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1,
		 slash ? path : ".");
	return dir;
}

static int snapshot_write(struct run *r, char path[PATH_MAX], struct err *e)
{
	_cleanup_profile_ struct profile *profile = NULL;
	_cleanup_(output_close) struct output output = { .dir_fd = -1, .fd = -1 };
	struct output_series series;
	struct buf bytes = { 0 };
	char dir_path[PATH_MAX];
	const char *dir = snapshot_series(r, dir_path, &series);

	if (!dir)
		return err_plain(e, -EINVAL, "'%s' is no place for snapshots: name a file with -o",
				 r->options.output);
	int rc = session_rotate(r->capture.session, &profile, e);
	if (rc == 0)
		rc = output_open_series(dir, &series, &output, e);
	if (rc == 0)
		rc = report_named(profile, NULL, &bytes, e);
	if (rc == 0)
		rc = output_commit(&output, bytes.data, bytes.len, e);
	if (rc == 0)
		memcpy(path, output.path, PATH_MAX);
	buf_deinit(&bytes);
	return rc;
}

/* A snapshot that fails does not end the capture. */
static void run_snapshot(void *ctx)
{
	struct run *r = ctx;
	char path[PATH_MAX];
	struct err e = { 0 };

	if (snapshot_write(r, path, &e) < 0)
		say_err(&e);
	else if (!r->options.quiet)
		say("snapshot written to %s", path);
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
		say_lines(&r->details);
	if (!o->quiet && o->command)
		say_command(&r->capture, o->command[0]);
	if (r->empty)
		say("no samples: %s (%s); an empty profile is written to %s", capture_why_empty(o),
		    r->figures.data, r->output.path);
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
	rc = capture_run(&r->capture, &r->options, run_snapshot, r, e);
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

static int cmd_capture(enum session_kind kind, bool alloc_default, int argc, char **argv)
{
	_cleanup_(run_deinit) struct run r = { .output = { .dir_fd = -1, .fd = -1 },
					       .capture = { .spawn.fd = -1 } };
	struct err e = { 0 };

	if (capture_options_parse(kind, argc, argv, &r.options, &e) < 0 ||
	    (!r.options.help && check_output(&r.options, &e) < 0)) {
		say_err(&e);
		return CMD_USAGE;
	}
	if (r.options.help) {
		(kind == SESSION_HEAP ? capture_help_heap : capture_help_cpu)(stdout);
		return CMD_OK;
	}
	r.options.heap.alloc_default = alloc_default;
	if (run_prepare(&r, argc, argv, &e) < 0 || run_capture(&r, &e) < 0) {
		say_err(&e);
		return CMD_FAILURE;
	}
	return run_report(&r);
}

int cmd_cpu(int argc, char **argv)
{
	return cmd_capture(SESSION_CPU, false, argc, argv);
}

int cmd_heap(int argc, char **argv)
{
	return cmd_capture(SESSION_HEAP, false, argc, argv);
}

int cmd_allocs(int argc, char **argv)
{
	return cmd_capture(SESSION_HEAP, true, argc, argv);
}
