// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Profiles of other tools, made profile.proto. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "cmd/cmd_report.h"
#include "cmd/report_named.h"
#include "cmd/report_options.h"
#include "cmd/report_output.h"
#include "cmd/report_run.h"
#include "profile/convert.h"

static int read_input(const char *path, struct buf *b, struct err *e)
{
	return strcmp(path, "-") == 0 ? fd_read_all(STDIN_FILENO, b, e) : file_read_all(path, b, e);
}

static int run(struct report_args *args, struct err *e)
{
	_cleanup_profile_ struct profile *p = NULL;
	_cleanup_(buf_deinit) struct buf in = { 0 }, bytes = { 0 };

	if (args->words.len != 1)
		return err_plain(e, -EINVAL,
				 "'convert' needs one file to read; '-' is standard "
				 "input");
	if (!args->output && isatty(STDOUT_FILENO))
		return err_plain(e, -EINVAL,
				 "'convert' is not for a terminal: name a file with -o");
	int rc = read_input(args->words.items[0], &in, e);
	if (rc < 0)
		return rc;
	rc = profile_convert(in.data ? in.data : "", in.len, &p, e);
	if (rc < 0)
		return err_prefix(e, "'%s'", args->words.items[0]);
	rc = report_named(p, args->output, &bytes, e);
	return rc < 0 ? rc : report_output_write(args->output, bytes.data, bytes.len, e);
}

static void help(const char *verb, FILE *out)
{
	(void)verb;
	fputs("Make a pprof profile of what other tools write: the text of perf script, collapsed\n"
	      "stacks, and the heap, CPU and contention profiles of gperftools and jemalloc.\n\n"
	      "Usage: cprofbpf convert [-o OUT] FILE\n\n"
	      "  -o OUT                    write to OUT, without it to standard output. .svg is a\n"
	      "                            flame graph, .folded collapsed stacks, .json for\n"
	      "                            speedscope, .txt the top functions\n"
	      "  -help                     this text\n\n"
	      "The report verbs read all of these, too. FILE may be -, standard input.\n\n"
	      "Exit status: 0 written, 1 failure, 2 wrong usage.\n\n"
	      "Example: perf script | cprofbpf convert -o perf.pb.gz -\n",
	      out);
}

int cmd_convert(int argc, char **argv)
{
	static const char *const only[] = { "o", "output", "help", "h", NULL };

	return report_main(argc, argv, only, help, run);
}
