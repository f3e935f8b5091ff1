/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What the gate is asked on the command line. Parsing looks at the words alone. */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/vec.h"
#include "gate/policy.h"
#include "gate/runs.h"

#define GATE_SIDES 2

/** "base", "new". */
const char *gate_side_name(enum gate_side side);

/** Something of the policy, as an option says it. */
struct gate_setting {
	const char *option; /* without its dashes */
	const char *key;    /* gate_policy_set()'s */
	const char *value;
};

/** All strings are argv's. By side: enum gate_side. */
struct gate_options {
	/* Profiles of both sides, or commands of both; with `self` of the base alone. */
	vec_of(const char *) patterns[GATE_SIDES];
	const char *commands[GATE_SIDES];

	bool self;          /* --aa */
	const char *build;  /* a command that comes before everything else; may be NULL */
	double power;       /* a rise, 0.05: how many runs would see it; 0: not asked */
	const char *policy; /* a file; NULL: GATE_POLICY_FILE, if there is one */
	vec_of(struct gate_setting) settings;
	double per[GATE_SIDES]; /* units of work of each run; 0: not said */
	const char *per_file;   /* where they are told; NULL */

	/* Of commands. */
	uint64_t runs, warmup;  /* of each side */
	uint64_t rate_bytes;    /* of heap profiles */
	uint64_t time_limit_ns; /* 0: none */
	bool same_output, pin;  /* pin: run on `cpus` */
	cpu_set_t cpus;

	bool bisect, github, all, quiet, verbose, help;
	const char *keep;                          /* a directory; NULL */
	const char *json, *junit, *markdown, *svg; /* files; NULL; "-": standard output */
};

/**
 * Parse argv[1..]: "--option=value" or "--option value", in any order. Words that follow --base or
 * --new are further files of that side, as a shell makes of a pattern. -EINVAL with a message about
 * the first thing that is wrong; -ENOMEM. *ret is freed with gate_options_deinit() in either case.
 */
int gate_options_parse(int argc, char **argv, struct gate_options *ret, struct err *e);
void gate_options_deinit(struct gate_options *o);

/** Read the policy's file, if there is one, and set what the options say over it. */
int gate_options_policy(const struct gate_options *o, struct gate_policy *policy, struct err *e);

/** The i-th option's name, without dashes; NULL behind the last. */
const char *gate_option_name(size_t i);

/** Print what `cprofbpf gate --help` says; gate_help.c. */
void gate_help(FILE *to);
