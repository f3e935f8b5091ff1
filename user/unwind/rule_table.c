// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/rule_table.h"

#include <stdlib.h>
#include <string.h>

#define SLOT_BITS 17 /* twice the rules: never more than half full */

int rule_table_init(struct rule_table *t, struct unwind_rule *rules)
{
	*t = (struct rule_table){ .rules = rules, .len = UNWIND_RULES_FIXED };
	memset(rules, 0, UNWIND_RULES_FIXED * sizeof(*rules));
	rules[UNWIND_RULE_CLONE] =
		(struct unwind_rule){ .cfa = UNWIND_CFA_SP, .cfa_off = 8, .ra_off = -8 };
	map_init(&t->expr_numbers, sizeof(uint64_t), sizeof(uint32_t));
	t->slots = calloc(1u << SLOT_BITS, sizeof(*t->slots));
	if (!t->slots || vec_push(&t->exprs, (struct rule_expr){ 0, 0 }) < 0) {
		rule_table_deinit(t);
		return -ENOMEM;
	}
	return 0;
}

void rule_table_deinit(struct rule_table *t)
{
	free(t->slots);
	t->slots = NULL;
	vec_deinit(&t->exprs);
	buf_deinit(&t->expr_bytes);
	map_deinit(&t->expr_numbers);
}

/* A rule as two words, to compare and hash it by. */
struct rule_words {
	uint64_t w[2];
};
_Static_assert(sizeof(struct rule_words) == sizeof(struct unwind_rule), "rules have no padding");

static inline struct rule_words rule_words(const struct unwind_rule *rule)
{
	struct rule_words words;

	memcpy(&words, rule, sizeof(words));
	return words;
}

int rule_table_intern(struct rule_table *t, const struct unwind_rule *rule)
{
	struct rule_words new = rule_words(rule);
	uint64_t hash = new.w[0] * 0x9e3779b97f4a7c15ULL + new.w[1] * 0xc2b2ae3d27d4eb4fULL;
	uint32_t slot = (uint32_t)((hash ^ hash >> 32) * 0x9e3779b97f4a7c15ULL >> (64 - SLOT_BITS));

	for (; t->slots[slot]; slot = (slot + 1) & ((1u << SLOT_BITS) - 1)) {
		struct rule_words old = rule_words(&t->rules[t->slots[slot]]);
		if (old.w[0] == new.w[0] && old.w[1] == new.w[1])
			return t->slots[slot];
	}
	if (t->len == UNWIND_RULES)
		return -ENOSPC;
	t->rules[t->len] = *rule;
	t->slots[slot] = (uint16_t)t->len;
	return (int)t->len++;
}

int rule_table_intern_expr(struct rule_table *t, const uint8_t *expr, size_t len)
{
	uint64_t hash = hash_bytes(expr, len);
	bool added;

	const uint32_t *known = map_find(&t->expr_numbers, &hash);
	if (known) {
		const struct rule_expr *r = &t->exprs.items[*known];
		/* Of two expressions with one hash the later one is given up. */
		return r->len == len && memcmp(t->expr_bytes.data + r->at, expr, len) == 0
			       ? (int)*known
			       : RULE_TABLE_EXPR_NONE;
	}
	if (t->exprs.len == RULE_TABLE_EXPRS)
		return RULE_TABLE_EXPR_NONE;
	struct rule_expr r = { t->expr_bytes.len, len };
	uint32_t *number = map_put(&t->expr_numbers, &hash, &added);
	if (!number || buf_add(&t->expr_bytes, expr, len) < 0 || vec_push(&t->exprs, r) < 0)
		return -ENOMEM;
	*number = (uint32_t)t->exprs.len - 1;
	return (int)*number;
}

bool rule_table_expr(const struct rule_table *t, int32_t number, struct cursor *to)
{
	if (number <= RULE_TABLE_EXPR_NONE || (size_t)number >= t->exprs.len)
		return false;
	const struct rule_expr *r = &t->exprs.items[number];
	*to = cursor_init(t->expr_bytes.data + r->at, r->len);
	return true;
}
