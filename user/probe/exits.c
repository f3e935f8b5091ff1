// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "probe/exits.h"

#include <errno.h>

#include "base/map.h"
#include "probe/insn.h"

#define EXITS_MAX    64   /* each costs a breakpoint */
#define STEPS_MAX    8000 /* instructions of one function and what it jumps to */
#define INSN_LEN_MAX 15

struct search {
	struct code *code;
	struct calls *calls;
	uint64_t entry;
	vec_of(uint64_t) todo;
	struct map seen; /* u64 address -> nothing that matters */
	unsigned steps;
	struct exits *to;
	bool whole;
	int rc;
};

static int address_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void path_add(struct search *s, uint64_t at)
{
	if (vec_push(&s->todo, at) < 0)
		s->rc = -ENOMEM;
}

/* A jump leads to code of the function, to what takes its place, or nowhere. */
static void jump_take(struct search *s, const struct insn *in)
{
	struct callee callee = calls_resolve(s->calls, in);

	if (callee.kind == CALLEE_CODE || (callee.vaddr && callee.vaddr == s->entry))
		path_add(s, callee.vaddr);
	else if (callee.kind != CALLEE_ENDS && callee.kind != CALLEE_THROWS)
		s->whole = false;
}

static bool call_returns(struct search *s, const struct insn *in)
{
	struct callee callee = calls_resolve(s->calls, in);

	return callee.kind != CALLEE_ENDS && callee.kind != CALLEE_THROWS;
}

static void exit_add(struct search *s, uint64_t at)
{
	uint8_t bytes[INSN_LEN_MAX];
	size_t len = code_bytes(s->code, at, bytes, sizeof(bytes));

	if (probe_insn_refused(bytes, len) || s->to->items.len == EXITS_MAX)
		s->whole = false;
	else if (vec_push(&s->to->items, at) < 0)
		s->rc = -ENOMEM;
}

static void path_follow(struct search *s, uint64_t at)
{
	struct insn in;

	for (; s->rc == 0 && s->whole; at += in.len) {
		bool added = false;

		if (!map_put(&s->seen, &at, &added))
			s->rc = -ENOMEM;
		if (!added)
			return;
		if (++s->steps > STEPS_MAX || !code_insn(s->code, at, &in)) {
			s->whole = false;
			return;
		}
		switch (in.flow) {
		case FLOW_NEXT:
			break;
		case FLOW_JUMP_IF:
			jump_take(s, &in);
			break;
		case FLOW_CALL:
			if (!call_returns(s, &in))
				return;
			break;
		case FLOW_JUMP:
			jump_take(s, &in);
			return;
		case FLOW_RETURN:
			exit_add(s, at);
			return;
		default:
			return;
		}
	}
}

int exits_find(struct code *code, struct calls *calls, uint64_t entry, struct exits *ret)
{
	struct search s = {
		.code = code, .calls = calls, .entry = entry, .to = ret, .whole = true
	};

	map_init(&s.seen, sizeof(uint64_t), 1);
	path_add(&s, entry);
	while (s.rc == 0 && s.whole && s.todo.len > 0)
		path_follow(&s, s.todo.items[--s.todo.len]);
	map_deinit(&s.seen);
	vec_deinit(&s.todo);
	if (s.rc < 0 || !s.whole || ret->items.len == 0) {
		ret->items.len = 0;
		return s.rc;
	}
	qsort(ret->items.items, ret->items.len, sizeof(uint64_t), address_compare);
	return 1;
}
