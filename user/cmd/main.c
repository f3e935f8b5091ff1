// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The table of verbs, and what is said to those who know none of them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/capture_help.h"
#include "cmd/cmd.h"
#include "cmd/cmd_report.h"
#include "cmd/say.h"
#include "cmd/suggest.h"
#include "proc/spawn.h"

static int cmd_help(int argc, char **argv);

static const struct cmd cmds[] = {
	{ "cpu", "profile where programs spend CPU time; may be left out", cmd_cpu },
	{ "heap", "profile what programs allocate and keep", cmd_heap },
	{ "allocs", "the same, allocations first", cmd_allocs },
	{ "top", "the functions of a profile, heaviest first", cmd_report },
	{ "tree", "each function with its callers and callees", cmd_report },
	{ "peek", "the same, of functions that match a regular expression", cmd_report },
	{ "list", "the source of matching functions, line by line", cmd_report },
	{ "traces", "every sample with its stack", cmd_report },
	{ "raw", "all that a profile holds, as text", cmd_report },
	{ "tags", "the labels and what their samples weigh", cmd_report },
	{ "dot", "the call graph for graphviz", cmd_report },
	{ "callgrind", "the call graph for kcachegrind", cmd_report },
	{ "collapsed", "a line for each stack, for flame graphs", cmd_report },
	{ "speedscope", "stacks for speedscope.app", cmd_report },
	{ "proto", "the profile that filters leave", cmd_report },
	{ "topproto", "the top table as a profile", cmd_report },
	{ "flame", "an interactive flame graph, as one SVG file", cmd_report },
	{ "svg", "the call graph as a picture, by graphviz", cmd_report },
	{ "png", "the same in PNG", cmd_report },
	{ "pdf", "the same in PDF", cmd_report },
	{ "diff", "what changed from one profile to another", cmd_diff },
	{ "gate", "whether a change made a program slower, for CI", cmd_gate },
	{ "merge", "add profiles up", cmd_merge },
	{ "convert", "make a profile of what other tools write", cmd_convert },
	{ "check", "tell what is wrong with a profile", cmd_check },
	{ "comments", "the comments of a profile", cmd_report },
	{ "help", "this text, or that of a verb", cmd_help },
};

static const struct cmd *cmd_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++)
		if (strcmp(cmds[i].name, name) == 0)
			return &cmds[i];
	return NULL;
}

/* Most come for the verb that may be left out. */
static void print_usage(FILE *to)
{
	capture_help_cpu(to);
	fputs("\nVerbs (cprofbpf VERB --help tells more):\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++)
		fprintf(to, "  %-12s %s\n", cmds[i].name, cmds[i].summary);
}

/* Help and version go to standard output; a disk that is full there is a failure. */
static int finish_stdout(int rc)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return rc;
	say("cannot write to standard output");
	return rc == CMD_OK ? CMD_FAILURE : rc;
}

static int unknown_verb(const char *verb)
{
	const char *names[ARRAY_SIZE(cmds)];
	_cleanup_free_ char *program = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++)
		names[i] = cmds[i].name;
	const char *nearest = suggest_nearest(verb, names, ARRAY_SIZE(names));
	if (verb[0] && strspn(verb, "0123456789,") == strlen(verb))
		say("unknown verb '%s': to profile that process say cprofbpf -p %s", verb, verb);
	else if (nearest)
		say("unknown verb '%s': did you mean '%s'?", verb, nearest);
	else if (spawn_find(verb, &program, NULL) == 0)
		say("unknown verb '%s': to profile that command say cprofbpf -- %s ...", verb,
		    verb);
	else
		say("unknown verb '%s' (--help lists them)", verb);
	return CMD_USAGE;
}

static int cmd_help(int argc, char **argv)
{
	if (argc < 2 || argv[1][0] == '-') {
		print_usage(stdout);
		return CMD_OK;
	}
	const struct cmd *cmd = cmd_find(argv[1]);
	if (!cmd)
		return unknown_verb(argv[1]);
	if (cmd->run == cmd_help)
		return cmd_help(1, argv);
	char *help[] = { argv[1], "--help", NULL };
	return cmd->run(2, help);
}

/*
 * The standard descriptors must be taken, lest a profile be opened in the place of one. Read-only,
 * so that writing to what was closed stays an error.
 */
static int open_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	return fd < 0 ? -1 : close(fd);
}

int main(int argc, char **argv)
{
	if (open_standard_descriptors() < 0)
		return CMD_FAILURE;
	if (argc < 2) {
		say("nothing to profile: give -p PID, -a, or -- and a command (--help has "
		    "examples)");
		return CMD_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("cprofbpf %s\n", CPROFBPF_VERSION);
		return finish_stdout(CMD_OK);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage(stdout);
		return finish_stdout(CMD_OK);
	}
	if (argv[1][0] == '-')
		return finish_stdout(cmd_cpu(argc, argv));
	const struct cmd *cmd = cmd_find(argv[1]);
	return cmd ? finish_stdout(cmd->run(argc - 1, argv + 1)) : unknown_verb(argv[1]);
}
