/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Flame graphs: stacks as wide as they weigh; kind REPORT_FLAME. */
#pragma once

#include "report/report.h"

struct flame_options {
	const char *title; /* NULL: what the profile is */
	bool inverted;     /* the root at the bottom */
	unsigned columns;  /* of text; 0: 100 */
	bool colors;       /* of text: for a terminal */
};

/** Print one interactive SVG; frames narrower than a pixel are folded, and it says so. */
int flame_print_svg(struct report *r, const struct flame_options *o, FILE *out, struct err *e);

/** Draw in characters. */
int flame_print_text(struct report *r, const struct flame_options *o, FILE *out, struct err *e);
