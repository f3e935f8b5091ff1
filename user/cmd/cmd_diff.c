// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Two profiles, the second compared with the first. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmd/cmd_report.h"
#include "cmd/report_load.h"
#include "cmd/report_run.h"

/* A picture if the output's name says so. */
static const struct report_verb *choose_verb(const char *output)
{
	static const struct report_verb top = {
		.name = "diff",
		.kind = REPORT_TEXT,
		.print = report_print_text,
	};
	static const struct report_verb flame = { .name = "diff", .kind = REPORT_FLAME };
	size_t len = output ? strlen(output) : 0;

	return len > 4 && strcmp(output + len - 4, ".svg") == 0 ? &flame : &top;
}

static int run(struct report_args *args, struct err *e)
{
	_cleanup_profile_ struct profile *p = NULL;

	if (args->words.len != 2 || args->base.len > 0)
		return err_plain(e, -EINVAL, "'diff' needs two profiles: BEFORE AFTER");
	args->diff_base = true;
	if (vec_push(&args->base, args->words.items[0]) < 0)
		return err_set(e, -ENOMEM, "cannot compare the profiles");
	int rc = report_load(args, args->words.items + 1, 1, &p, e);
	return rc < 0 ? rc : report_run(choose_verb(args->output), p, args, e);
}

static void help(const char *verb, FILE *out)
{
	const struct report_help h = {
		.about = "What changed from one profile to another: the top table of the\n"
			 "difference, its shares those of BEFORE's total. With -o FILE.svg a\n"
			 "flame graph, what rose in red and what fell in blue.",
		.verb = verb,
		.words = "BEFORE AFTER",
	};

	report_args_help(&h, out);
}

int cmd_diff(int argc, char **argv)
{
	return report_main(argc, argv, NULL, help, run);
}
