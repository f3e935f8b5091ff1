// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/walk.h"

#include <stdbool.h>
#include <string.h>

#include "unwind/expr.h"

/*
 * A function that has popped its frame pointer may have CFI that still finds it there, below the
 * stack pointer, where a copy does not reach. It reads as 0: the return address, read along with
 * it, is not lost.
 */
#define RED_ZONE 128

struct walk_env {
	const struct walk_process *p;
	bool short_copy; /* a read failed that went past the end of the copy */
};

#define UNWIND_ENV struct walk_env *

static inline int unwind_mapping_find(struct walk_env *env, uint64_t pc, struct unwind_mapping *to)
{
	const struct walk_process *p = env->p;
	size_t low = 0, high = p->mappings_len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (p->mappings[mid].start <= pc)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || pc >= p->mappings[low - 1].end)
		return -1;
	*to = p->mappings[low - 1];
	return 0;
}

static inline int unwind_read(struct walk_env *env, uint64_t addr, void *to, uint32_t size)
{
	const struct walk_process *p = env->p;
	uint64_t at = addr - p->stack_addr, below = p->stack_addr - addr;
	struct unwind_mapping code;

	if (at < p->stack_len && size <= p->stack_len - at) {
		memcpy(to, p->stack + at, size);
		return 0;
	}
	if (below > 0 && below <= RED_ZONE && size <= below + p->stack_len) {
		uint32_t missing = below < size ? (uint32_t)below : size;
		memset(to, 0, missing);
		memcpy((uint8_t *)to + missing, p->stack, size - missing);
		return 0;
	}
	if (p->read && unwind_mapping_find(env, addr, &code) == 0)
		return p->read(p->ctx, addr, to, size);
	env->short_copy = addr >= p->stack_addr;
	return -1;
}

static inline int unwind_rule_find(struct walk_env *env, uint32_t dir, uint64_t vaddr,
				   struct unwind_rule *to)
{
	return (int)unwind_tables_rule(env->p->tables, dir, vaddr, to);
}

static int expr_read(void *ctx, uint64_t addr, void *to, uint32_t size)
{
	return unwind_read(ctx, addr, to, size);
}

static inline int unwind_expr_cfa(struct walk_env *env, const struct unwind_state *s,
				  const struct unwind_rule *r, __u64 *cfa)
{
	struct cursor expr;
	uint64_t value;

	if (!unwind_tables_expr(env->p->tables, r, &expr))
		return UNWIND_END_EXPRESSION;
	int rc = expr_eval(expr, s, expr_read, env, &value);
	if (rc == 0)
		*cfa = value;
	return rc;
}

#include "lib/unwind_step.h"

enum unwind_end walk(const struct walk_process *p, struct unwind_state *s, uint64_t *frames,
		     size_t *len, size_t max)
{
	struct walk_env env = { .p = p };
	struct unwind_mapping mapping = { 0 };
	int end = UNWIND_CONTINUE;

	while (end == UNWIND_CONTINUE) {
		__u64 frame;

		if (*len >= max)
			return UNWIND_END_TRUNCATED;
		env.short_copy = false;
		end = unwind_step(&env, s, &mapping, &frame);
		if (frame)
			frames[(*len)++] = frame;
	}
	return end == UNWIND_END_BAD_READ && env.short_copy ? UNWIND_END_SHORT_COPY
							    : (enum unwind_end)end;
}
