// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Several profiles, added up. */
#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/cmd_report.h"
#include "cmd/report_load.h"
#include "cmd/report_output.h"
#include "cmd/report_run.h"
#include "profile/encode.h"

static int run(struct report_args *args, struct err *e)
{
	_cleanup_profile_ struct profile *p = NULL;
	_cleanup_(buf_deinit) struct buf bytes = { 0 };

	if (args->words.len == 0)
		return err_plain(e, -EINVAL, "'merge' needs profiles to read");
	if (!args->output && isatty(STDOUT_FILENO))
		return err_plain(e, -EINVAL, "'merge' is not for a terminal: name a file with -o");
	int rc = report_load(args, args->words.items, args->words.len, &p, e);
	if (rc == 0)
		rc = profile_encode(p, &bytes, e);
	return rc < 0 ? rc : report_output_write(args->output, bytes.data, bytes.len, e);
}

int cmd_merge(int argc, char **argv)
{
	_cleanup_(report_args_deinit) struct report_args args;
	struct err e = { 0 };
	int rc = report_args_parse(&args, argc, argv, &e);

	if (rc == 0 && args.help) {
		fputs("Usage: cprofbpf merge [-o OUT] [-base FILE] FILE...\n\n"
		      "Add profiles up: equal samples become one, and those of the base are taken "
		      "off.\n",
		      stdout);
		return CMD_OK;
	}
	if (rc == 0)
		rc = run(&args, &e);
	return report_exit(&e, rc);
}
