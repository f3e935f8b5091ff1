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

static void help(const char *verb, FILE *out)
{
	(void)verb;
	fputs("Add profiles up: equal samples become one.\n\n"
	      "Usage: cprofbpf merge [OPTIONS] FILE...\n\n"
	      "  -o FILE                   write to FILE; without it to standard output\n"
	      "  -base FILE                subtract a profile; may be repeated\n"
	      "  -diff_base FILE           the same, and label its samples for pprof\n"
	      "  -normalize                scale to the total of the base\n"
	      "  -add_comment TEXT         add a comment to the profile\n"
	      "  -help                     this text\n\n"
	      "What cannot be read is told and left out. 'cprofbpf proto' filters, too.\n\n"
	      "Exit status: 0 written, 1 failure, 2 wrong usage.\n",
	      out);
}

int cmd_merge(int argc, char **argv)
{
	static const char *const only[] = { "o",         "output",    "base",
					    "diff_base", "normalize", "add_comment",
					    "help",      "h",         NULL };

	return report_main(argc, argv, only, help, run);
}
