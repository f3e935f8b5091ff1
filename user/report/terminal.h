/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Text reports as a terminal shows them; elsewhere they are pprof's, byte for byte. */
#pragma once

#include "report/report.h"

struct terminal {
	unsigned columns; /* 0: not known; tables are cut to these, but leave 30 for a name */
	bool colors;
};

/**
 * Print a finished text report, which is changed. Shares from 5% on are red and those from 0.5% on
 * green, as perf has them; control characters, which a profile's names may have, come out as '?'.
 * Write errors are left in `out`.
 */
void terminal_print(enum report_kind kind, char *text, const struct terminal *t, FILE *out);
