/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The rules of all files, each once, in the array that BPF reads; and the expressions that only
 * user space evaluates. Nothing is ever taken out. Not thread-safe.
 */
#pragma once

#include <stdint.h>

#include "abi/unwind.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "base/map.h"
#include "base/vec.h"

/** Expression 0 stands for what cannot be evaluated. */
#define RULE_TABLE_EXPR_NONE 0
#define RULE_TABLE_EXPRS     4096 /* later ones cannot be evaluated */

struct rule_expr {
	size_t at, len; /* in rule_table.expr_bytes */
};

struct rule_table {
	struct unwind_rule *rules; /* borrowed, UNWIND_RULES of them */
	uint32_t len;
	uint16_t *slots; /* a hash of rules: their index, 0 is free */
	vec_of(struct rule_expr) exprs;
	struct buf expr_bytes;
	struct map expr_numbers; /* by hash of the bytes */
};

/** Begin with the fixed rules; `rules` must outlive the table. 0 or -ENOMEM. */
int rule_table_init(struct rule_table *t, struct unwind_rule *rules);
void rule_table_deinit(struct rule_table *t);

/** The index of a rule, added if new; -ENOSPC if the table is full. */
int rule_table_intern(struct rule_table *t, const struct unwind_rule *rule);

/** The number of an expression, added if new; RULE_TABLE_EXPR_NONE if no more can be kept; -ENOMEM.
 */
int rule_table_intern_expr(struct rule_table *t, const uint8_t *expr, size_t len);

/** An expression's bytes; false if there is none of that number. Valid until the next one is added.
 */
bool rule_table_expr(const struct rule_table *t, int32_t number, struct cursor *to);
