/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Where in a function a uprobe costs least and still sees every call. */
#pragma once

#include "probe/landings.h"

/** What the probe's program wants of the place. */
struct place_question {
	uint64_t entry, end; /* the function; end == entry: not known */
	uint16_t arguments;  /* registers, 1 << enum reg, that must hold what they held at entry */
	bool stack;          /* so must the stack pointer */
	enum reg moved;      /* where the one argument must have been copied; REG_NONE: not asked */
	bool null_harmless;  /* calls with NULL in the first argument need not be seen */
};

struct place {
	uint64_t at;
	bool emulated;   /* see probe/insn.h */
	const char *why; /* static text */
};

/**
 * Find the first instruction that the kernel emulates, if all calls come by it with what is wanted
 * untouched; else the entry. `landings` has been filled with the entry in it. False: no probe can
 * be there at all.
 */
bool place_find(struct code *code, const struct landings *landings, const struct place_question *q,
		struct place *ret);
