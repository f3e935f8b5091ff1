// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What is wrong with profiles. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cmd/cmd_report.h"
#include "cmd/say.h"
#include "profile/decode.h"

/* 0: nothing is wrong, 1: something is, and it is printed. */
static int check_file(const char *path, struct err *e)
{
	_cleanup_(buf_deinit) struct buf problems = { 0 };
	_cleanup_close_ int fd =
		strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "cannot open '%s'", path);
	int rc = profile_check_fd(fd, &problems, e);
	if (rc < 0) {
		printf("%s: %s\n", path, e->msg);
		return 1;
	}
	for (char *line = problems.data; line && *line;) {
		size_t len = strcspn(line, "\n");
		printf("%s: %.*s\n", path, (int)len, line);
		line += len + (line[len] == '\n');
	}
	if (problems.len == 0)
		printf("%s: ok\n", path);
	return problems.len > 0;
}

static void print_help(void)
{
	fputs("Tell what is wrong with pprof profiles, at which field and byte.\n\n"
	      "Usage: cprofbpf check FILE...\n\n"
	      "A line for each problem, or \"FILE: ok\"; - is standard input.\n\n"
	      "Exit status: 0 nothing is wrong, 1 something is, 2 wrong usage.\n",
	      stdout);
}

int cmd_check(int argc, char **argv)
{
	bool wrong = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-help") == 0 ||
		    strcmp(argv[i], "-h") == 0) {
			print_help();
			return CMD_OK;
		}
		if (argv[i][0] == '-' && argv[i][1]) {
			say("unknown option '%s': 'check' takes only files", argv[i]);
			return CMD_USAGE;
		}
	}
	if (argc < 2) {
		say("'check' needs profiles to read");
		return CMD_USAGE;
	}
	for (int i = 1; i < argc; i++) {
		struct err e = { 0 };
		int rc = check_file(argv[i], &e);
		if (rc < 0)
			say_err(&e);
		wrong |= rc != 0;
	}
	if (fflush(stdout) != 0) {
		say("cannot write to standard output");
		return CMD_FAILURE;
	}
	return wrong ? CMD_FAILURE : CMD_OK;
}
