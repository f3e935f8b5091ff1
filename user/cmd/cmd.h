/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The verbs of the command line: rows of a table in main.c, each with its own options. */
#pragma once

/** What cprofbpf exits with. */
enum cmd_exit {
	CMD_OK = 0,
	CMD_FAILURE = 1,
	CMD_USAGE = 2,
	CMD_NO_SAMPLES = 3, /* a valid, empty profile was written */
};

struct cmd {
	const char *name;
	const char *summary; /* one line of `cprofbpf --help` */
	/* argv[0] is the verb's name, argv[argc] is NULL; returns an enum cmd_exit. */
	int (*run)(int argc, char **argv);
};

/** Profile running programs; cmd_capture.c. */
int cmd_cpu(int argc, char **argv);
int cmd_heap(int argc, char **argv);
int cmd_allocs(int argc, char **argv);

/** Judge a change by profiles; cmd_gate.c. Its exit status is its own. */
int cmd_gate(int argc, char **argv);
