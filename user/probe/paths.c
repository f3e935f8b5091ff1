// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "probe/paths.h"

#include <errno.h>

#include "base/map.h"
#include "base/vec.h"

#define STEPS_MAX                                                                                  \
	20000 /* instructions followed for one question; beyond, the answer is "in doubt" */
#define CALLS_DEEP 1
#define COLD_SIZE  128 /* bytes of a landing pad that the compiler has moved elsewhere */

enum result { RESULT_ANY, RESULT_ZERO, RESULT_OTHER };

/* A point on a path, and what is known there. All of it: equal states have equal futures. */
struct state {
	uint64_t at;
	uint32_t depth;  /* of the stack pointer, from the function's entry: <= 0 */
	uint32_t saved;  /* where on the stack the register asked about was saved */
	uint16_t copies; /* registers that still hold what it held */
	bool is_saved;
	bool worked;        /* the path has done something of its own */
	uint8_t result;     /* enum result: what it would return now */
	bool failed;        /* has set errno */
	bool outside;       /* the path has left the function's own code by a jump */
	uint8_t padding[1]; /* zero: states are compared as bytes */
};

/* What the last comparison was about. */
struct compared {
	uint8_t effect; /* EFFECT_TEST or EFFECT_COMPARE of the register asked about */
	int64_t value;
};

/* What was found of a function that is called: key and value of a map. */
struct callee_key {
	uint64_t entry, copies;
};

struct callee_found {
	bool served, own, reaches;
};

struct walk {
	struct code *code;
	struct calls *calls;
	const struct paths_question *q;
	unsigned calls_deep;
	unsigned *steps;
	struct map *callees; /* struct callee_key -> struct callee_found */
	vec_of(struct state) todo;
	struct map seen; /* struct state -> nothing that matters */
	bool served, own, reaches, jumps, throws;
	int rc;
};

static int walk_function(struct walk *w, uint64_t entry, uint16_t copies);

static void state_add(struct walk *w, const struct state *s, uint64_t at)
{
	struct state next = *s;

	next.at = at;
	if (vec_push(&w->todo, next) < 0)
		w->rc = -ENOMEM;
}

/* Is a path here that has been here before with all the same? */
static bool state_seen(struct walk *w, const struct state *s)
{
	struct state key = *s;
	bool added = false;

	if (!key.is_saved)
		key.saved = 0;
	/* Without a copy to save or restore, the stack does not matter. */
	if (!key.is_saved && key.copies == 0)
		key.depth = 0;
	if (!map_put(&w->seen, &key, &added))
		w->rc = -ENOMEM;
	return !added;
}

/* The end of a path on which no other function did the work. One that failed did none either. */
static void path_ends(struct walk *w, const struct state *s)
{
	enum alloc_call call = w->q->function->what.call;
	enum result failure = call == ALLOC_POSIX_MEMALIGN ? RESULT_OTHER : RESULT_ZERO;

	if (s->worked && (call == ALLOC_FREE || (s->result != failure && !s->failed)))
		w->own = true;
}

/* Is the work of the function asked about left to this one, when it calls it? */
static bool serves(const struct walk *w, const struct alloc_name *what)
{
	const struct alloc_name *mine = &w->q->function->what;

	if (mine->rounds && !what->rounds)
		return false; /* the other is asked for more */
	if (mine->call == ALLOC_FREE || what->call == ALLOC_FREE)
		return mine->call == what->call;
	/* An aligned block may lie inside of that which the other returns, unless any would do. */
	return !mine->aligned || what->aligned || w->q->reg != REG_NONE;
}

static bool alloc_call_take(struct walk *w, struct state *s, const struct callee *callee)
{
	bool itself = callee->vaddr && callee->vaddr == w->q->function->entry;
	bool frees = callee->what.call == ALLOC_FREE;

	w->reaches |= !itself && !frees;
	w->jumps |= !itself && !frees && s->outside;
	if (!itself && serves(w, &callee->what)) {
		w->served = true;
		return false;
	}
	/* What is freed on the way is seen there. */
	s->worked |= itself || !frees;
	return true;
}

/* Does the path go on behind a call of `callee`, or of what is jumped to? */
static bool call_take(struct walk *w, struct state *s, const struct callee *callee)
{
	switch (callee->kind) {
	case CALLEE_ALLOC:
		return alloc_call_take(w, s, callee);
	case CALLEE_HARMLESS:
		return true;
	case CALLEE_ENDS:
		return false;
	case CALLEE_THROWS:
		w->throws |= w->calls_deep == 0;
		return false;
	default:
		s->worked = true;
		return true;
	}
}

/* What a function that is called does with the work; false: without memory. */
static bool callee_find(struct walk *w, uint64_t entry, uint16_t copies, struct callee_found *ret)
{
	struct callee_key key = { .entry = entry, .copies = copies };
	const struct callee_found *known = map_find(w->callees, &key);
	struct walk inner = {
		.code = w->code,
		.calls = w->calls,
		.q = w->q,
		.calls_deep = w->calls_deep + 1,
		.steps = w->steps,
		.callees = w->callees,
	};

	if (known) {
		*ret = *known;
		return true;
	}
	if (walk_function(&inner, entry, copies) < 0)
		return false;
	*ret = (struct callee_found){ inner.served, inner.own, inner.reaches };
	struct callee_found *kept = map_put(w->callees, &key, NULL);
	if (kept)
		*kept = *ret;
	return kept;
}

/* A call into the file's other code. */
static bool code_call(struct walk *w, struct state *s, uint64_t entry)
{
	struct callee_found found;

	if (w->calls_deep >= CALLS_DEEP) {
		s->worked = true;
		return true;
	}
	if (!callee_find(w, entry, s->copies & REGS_ARGUMENTS, &found)) {
		w->rc = -ENOMEM;
		return false;
	}
	w->reaches |= found.reaches;
	w->jumps |= found.reaches && s->outside;
	s->worked |= found.own;
	w->served |= found.served && !found.own;
	return !found.served || found.own;
}

/* Is the jump taken: 1, not taken: 0, or can it not be told: -1? By the number of its condition. */
static int jump_taken(const struct paths_question *q, const struct compared *c, uint8_t condition)
{
	uint64_t than = c->effect == EFFECT_TEST ? 0 : (uint64_t)c->value;
	bool below = q->max<than, above = q->min> than;
	int yes;

	if (c->effect == EFFECT_OTHER)
		return -1;
	switch (condition & ~1) {
	case 0x2: /* below */
		yes = below ? 1 : q->min >= than ? 0 : -1;
		break;
	case 0x4: /* equal */
		yes = below || above ? 0 : q->min == q->max ? 1 : -1;
		break;
	case 0x6: /* below or equal */
		yes = q->max <= than ? 1 : above ? 0 : -1;
		break;
	default:
		yes = -1;
	}
	return yes < 0 ? -1 : yes ^ (condition & 1);
}

static void register_set(struct state *s, uint8_t reg, bool copy)
{
	s->copies &= (uint16_t) ~(1u << reg);
	s->copies |= (uint16_t)((unsigned)copy << reg);
}

static bool register_get(const struct state *s, uint8_t reg)
{
	return reg != REG_NONE && (s->copies >> reg & 1);
}

static void stack_put(struct state *s, uint32_t at, bool copy)
{
	if (copy)
		s->saved = at;
	if (copy || s->saved == at)
		s->is_saved = copy;
}

/* What an instruction does to the register asked about. */
static void effect_apply(struct state *s, const struct insn *in)
{
	switch (in->effect) {
	case EFFECT_COPY:
		register_set(s, in->reg, register_get(s, in->from));
		break;
	case EFFECT_SAVE:
		stack_put(s, s->depth + (uint32_t)in->value, register_get(s, in->from));
		break;
	case EFFECT_RESTORE:
		register_set(s, in->reg, s->is_saved && s->saved == s->depth + (uint32_t)in->value);
		break;
	case EFFECT_PUSH:
		s->depth -= 8;
		stack_put(s, s->depth, register_get(s, in->from));
		break;
	case EFFECT_POP:
		register_set(s, in->reg, s->is_saved && s->saved == s->depth);
		s->depth += 8;
		break;
	case EFFECT_ADJUST:
		s->depth += (uint32_t)in->value;
		break;
	default:
		s->copies &= in->familiar ? (uint16_t)~in->writes : 0;
		s->is_saved &= in->familiar && !(in->writes >> REG_RSP & 1);
	}
	s->worked |= in->stores;
	s->failed |= in->fails;
	if (in->effect == EFFECT_SET && in->reg == REG_RAX)
		s->result = in->value ? RESULT_OTHER : RESULT_ZERO;
	else if ((in->writes & 1u << REG_RAX) || !in->familiar)
		s->result = RESULT_ANY;
}

static void compared_apply(const struct state *s, const struct insn *in, struct compared *c)
{
	bool compares = in->effect == EFFECT_TEST || in->effect == EFFECT_COMPARE;

	if (compares && register_get(s, in->from))
		*c = (struct compared){ .effect = in->effect, .value = in->value };
	else if (!in->keeps_flags)
		*c = (struct compared){ 0 };
}

/* A jump from here: to the file's code, or as the last act to another function. */
static void jump_take(struct walk *w, const struct state *s, const struct insn *in)
{
	struct callee callee = calls_resolve(w->calls, in);
	const struct alloc_function *f = w->q->function;
	struct state there = *s;

	there.outside |= w->calls_deep == 0 && (callee.vaddr < f->entry || callee.vaddr >= f->end);
	if (callee.kind == CALLEE_CODE || (callee.vaddr && callee.vaddr == f->entry))
		state_add(w, &there, callee.vaddr);
	else {
		there.result = RESULT_ANY;
		if (call_take(w, &there, &callee))
			path_ends(w, &there);
	}
}

static bool call_follow(struct walk *w, struct state *s, const struct insn *in)
{
	struct callee callee = calls_resolve(w->calls, in);
	bool on = callee.kind == CALLEE_CODE ? code_call(w, s, callee.vaddr)
					     : call_take(w, s, &callee);

	s->copies &= (uint16_t)~REGS_CLOBBERED;
	s->result = RESULT_ANY;
	return on;
}

/* Follow a path up to where it divides or ends. */
static void path_follow(struct walk *w, struct state s)
{
	struct compared compared = { 0 };
	struct insn in = { .flow = FLOW_JUMP_IF };

	/* Paths can only meet again after one of them has jumped: what begins is looked at there.
	 */
	for (; w->rc == 0; s.at += in.len) {
		if (in.flow == FLOW_JUMP_IF && state_seen(w, &s))
			return;
		if (++*w->steps > STEPS_MAX || !code_insn(w->code, s.at, &in)) {
			w->own = true;
			return;
		}
		int taken = 1;
		switch (in.flow) {
		case FLOW_NEXT:
			compared_apply(&s, &in, &compared);
			effect_apply(&s, &in);
			break;
		case FLOW_JUMP_IF:
			taken = jump_taken(w->q, &compared, in.condition);
			if (taken == 0)
				break;
			jump_take(w, &s, &in);
			if (taken == 1)
				return;
			break;
		case FLOW_JUMP:
			jump_take(w, &s, &in);
			return;
		case FLOW_CALL:
			/* Behind the last call of a function is another one: it does not return. */
			if (!call_follow(w, &s, &in) || s.at + in.len == w->q->function->end)
				return;
			compared = (struct compared){ 0 };
			break;
		case FLOW_RETURN:
			path_ends(w, &s);
			return;
		default:
			return;
		}
	}
}

static int walk_function(struct walk *w, uint64_t entry, uint16_t copies)
{
	struct state start = { .copies = copies };

	map_init(&w->seen, sizeof(struct state), 1);
	state_add(w, &start, entry);
	while (w->rc == 0 && w->todo.len > 0)
		path_follow(w, w->todo.items[--w->todo.len]);
	map_deinit(&w->seen);
	vec_deinit(&w->todo);
	return w->rc;
}

int paths_follow(struct code *code, struct calls *calls, const struct paths_question *q,
		 struct paths_answer *ret)
{
	unsigned steps = 0;
	struct map callees;
	struct walk w = {
		.code = code, .calls = calls, .q = q, .steps = &steps, .callees = &callees
	};

	map_init(&callees, sizeof(struct callee_key), sizeof(struct callee_found));
	int rc = walk_function(&w, q->function->entry,
			       q->reg == REG_NONE ? 0 : (uint16_t)(1u << q->reg));

	*ret = (struct paths_answer){
		.left = w.served && !w.own,
		.reaches = w.reaches,
		.jumps = w.jumps,
		.throws = w.throws,
	};
	map_deinit(&callees);
	return rc;
}

/* Does one of the calls and jumps in `from` .. `end` throw, or lead to code outside that does? */
static bool range_throws(struct code *code, struct calls *calls, uint64_t from, uint64_t end,
			 bool outside)
{
	struct insn in;

	for (uint64_t at = from; at < end && code_insn(code, at, &in); at += in.len) {
		bool jumps = in.flow == FLOW_JUMP || in.flow == FLOW_JUMP_IF;
		struct callee callee = { 0 };

		if (jumps || in.flow == FLOW_CALL)
			callee = calls_resolve(calls, &in);
		if (callee.kind == CALLEE_THROWS)
			return true;
		if (outside && jumps && callee.kind == CALLEE_CODE &&
		    (callee.vaddr < from || callee.vaddr >= end) &&
		    range_throws(code, calls, callee.vaddr, callee.vaddr + COLD_SIZE, false))
			return true;
		/* There, what follows may be another function's. */
		if (!outside && (in.flow == FLOW_JUMP || in.flow == FLOW_RETURN))
			break;
	}
	return false;
}

bool paths_throw(struct code *code, struct calls *calls, const struct alloc_function *f)
{
	return range_throws(code, calls, f->entry, f->end, true);
}
