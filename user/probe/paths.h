/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What the paths through a function's code do: leave the work to another allocation function, do it
 * themselves, throw. Followed are direct jumps, and direct calls one level deep. Not thread-safe.
 */
#pragma once

#include "probe/calls.h"

/** What is asked: about the paths that calls take whose register `reg` holds min .. max. */
struct paths_question {
	const struct alloc_function *function;
	enum reg reg; /* REG_NONE: about all */
	uint64_t min, max;
};

struct paths_answer {
	/*
	 * Another allocation function does the work on all of the paths that do any, and on one at
	 * least: what it returns is returned, what it is given was given. In doubt false.
	 */
	bool left;
	bool reaches; /* another function that allocates is called on some path, */
	bool jumps;   /* after a jump out of the function's own code, or by one */
	bool throws;  /* a function that throws is called on some path, by this one itself */
};

/** Follow the paths. -ENOMEM. */
int paths_follow(struct code *code, struct calls *calls, const struct paths_question *q,
		 struct paths_answer *ret);

/**
 * Does any code of the function call what throws, or go on throwing what its callees threw? That is
 * asked of all instructions within its symbol, and of what these jump to: no path leads to the
 * landing pads of exceptions.
 */
bool paths_throw(struct code *code, struct calls *calls, const struct alloc_function *f);
