// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/rule_table.h"

#include <stdlib.h>
#include <string.h>

#define SLOT_BITS 17 /* twice the rules: never more than half full */

int rule_table_init(struct rule_table *t, struct unwind_rule *rules)
{
	*t = (struct rule_table){ .rules = rules, .len = UNWIND_RULES_FIXED };
	memset(rules, 0, UNWIND_RULES_FIXED * sizeof(*rules));
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

static uint32_t rule_slot(const struct unwind_rule *rule)
{
	uint64_t word[2];

	memcpy(word, rule, sizeof(word));
	word[0] = (word[0] ^ (word[1] >> 32 | word[1] << 32)) * 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(word[0] >> (64 - SLOT_BITS));
}

int rule_table_intern(struct rule_table *t, const struct unwind_rule *rule)
{
	uint32_t slot = rule_slot(rule);

	for (; t->slots[slot]; slot = (slot + 1) & ((1u << SLOT_BITS) - 1))
		if (memcmp(&t->rules[t->slots[slot]], rule, sizeof(*rule)) == 0)
			return t->slots[slot];
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
