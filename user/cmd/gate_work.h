/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * How much work a run did: requests, iterations. Values are compared per unit of it.
 *
 * It is said by --per, of all runs, or told by the file of --per-file: a command writes the number
 * there in each run; of stored profiles, the file has a line "NAME NUMBER" for each, where NAME is
 * the profile's path or its last component.
 */
#pragma once

#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "cmd/gate_options.h"

struct gate_work {
	const double *per;  /* by side; 0: not said */
	const char *path;   /* NULL */
	struct buf table;   /* the file's text, of stored profiles */
	struct stat before; /* the file before a run of a command; all 0: there was none */
};

/** Reads the file if profiles are compared. `o` stays in use. -EINVAL, or what reading says. */
int gate_work_init(struct gate_work *w, const struct gate_options *o, struct err *e);
void gate_work_deinit(struct gate_work *w);

/** The work of a stored profile; 0 if nothing is said of work. -EINVAL: the file has no line. */
int gate_work_of_profile(const struct gate_work *w, enum gate_side side, const char *path,
			 double *ret, struct err *e);

/** A run of a command is about to start. */
void gate_work_expect(struct gate_work *w);

/** The work of the run that has ended. -EINVAL: it did not write the file, or no number. */
int gate_work_of_run(const struct gate_work *w, enum gate_side side, double *ret, struct err *e);
