// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/report_live.h"

#include <errno.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cmd/capture.h"
#include "cmd/capture_options.h"
#include "cmd/say.h"
#include "cmd/summary.h"
#include "cmd/targets.h"

struct live {
	struct capture_options options;
	struct targets targets;
	struct capture capture;
	struct buf command_line;
};

static void live_deinit(struct live *l)
{
	capture_close(&l->capture);
	targets_deinit(&l->targets);
	capture_options_deinit(&l->options);
	buf_deinit(&l->command_line);
}

static int live_prepare(struct live *l, enum session_kind kind, int argc, char **argv,
			struct err *e)
{
	int rc = capture_options_parse(kind, argc, argv, &l->options, e);

	if (rc == 0)
		rc = targets_resolve(&l->options, &l->targets, e);
	if (rc == 0)
		rc = targets_check_access(&l->options, &l->targets, e);
	if (rc == 0 && kind == SESSION_HEAP)
		rc = targets_check_class(&l->targets, e);
	if (rc == 0)
		say_lines(&l->targets.notes);
	for (int i = 0; i < argc; i++)
		buf_printf(&l->command_line, "%s%s", i ? " " : "cprofbpf ", argv[i]);
	if (rc == 0 && l->command_line.error)
		rc = err_set(e, -ENOMEM, "cannot keep the command line");
	return rc;
}

/* What is known of the capture; its report has no room for it. */
static int say_figures(const struct capture_options *o, struct session *session, struct err *e)
{
	_cleanup_(buf_deinit) struct buf figures = { 0 };
	struct session_stats stats;

	session_stats(session, &stats);
	if (summary_format(&figures, &stats) < 0)
		return err_set(e, -ENOMEM, "cannot tell the figures");
	if (stats.samples == 0)
		say("no samples: %s (%s)", capture_why_empty(o), figures.data);
	else
		say("%s", figures.data);
	return 0;
}

int report_live(enum session_kind kind, int argc, char **argv, struct profile **ret, struct err *e)
{
	_cleanup_(live_deinit) struct live l = { .capture = { .spawn.fd = -1 } };
	int rc = live_prepare(&l, kind, argc, argv, e);

	if (rc == 0)
		rc = capture_open(&l.options, &l.targets, l.command_line.data, &l.capture, e);
	if (rc == 0)
		rc = capture_run(&l.capture, &l.options, NULL, NULL, e);
	if (rc == 0)
		rc = say_figures(&l.options, l.capture.session, e);
	return rc < 0 ? rc : session_rotate(l.capture.session, ret, e);
}
