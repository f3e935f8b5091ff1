/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Who calls whom among judged functions, and how much of a function lies beneath another. */
#pragma once

#include "gate/comparison.h"

/*
 * Means per run of a side, as square tables: [row * columns + column]. A caller or ancestor may be
 * the root: number comparison.count.
 */
struct context {
	size_t count;  /* of judged functions */
	size_t folded; /* of folded functions */
	struct context_side {
		double *calls; /* [caller][callee] cumulative value of the callee by that caller */
		double *own_under; /* [ancestor][function] own value of the function beneath it */
		double *cum_under; /* [ancestor][function] cumulative value beneath it */
		double *through;   /* [function][folded] own value that is in the folded callee */
		double *into;      /* [caller][folded] cumulative value of the folded callee */
	} sides[2];
};

/** 0 or -ENOMEM; context_deinit() it in any case. */
int context_init(struct context *x, const struct comparison *c, struct err *e);
void context_deinit(struct context *x);

/** How much [row][column] of a table grew. */
#define context_rise(x, table, columns, row, column)                                               \
	((x)->sides[GATE_NEW].table[(row) * (columns) + (column)] -                                \
	 (x)->sides[GATE_BASE].table[(row) * (columns) + (column)])
