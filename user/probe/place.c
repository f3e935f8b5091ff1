// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "probe/place.h"

#include <string.h>

#include "probe/insn.h"

#define ENDBR64_LEN  4
#define INSN_LEN_MAX 15

static bool is_endbr64(struct code *code, uint64_t vaddr)
{
	uint8_t bytes[ENDBR64_LEN];

	return code_bytes(code, vaddr, bytes, sizeof(bytes)) == sizeof(bytes) &&
	       memcmp(bytes, INSN_ENDBR64, sizeof(bytes)) == 0;
}

/* Is this where the one argument is moved? */
static bool moves_argument(const struct place_question *q, const struct insn *in)
{
	return q->moved != REG_NONE && in->effect == EFFECT_COPY && in->reg == q->moved &&
	       q->arguments == 1u << in->from;
}

/* Why the straight way from the entry ends with this instruction, or NULL if it goes on.
 * `arguments` is where they are. */
static const char *way_ends(const struct place_question *q, uint16_t arguments,
			    const struct insn *in)
{
	if (in->flow != FLOW_NEXT)
		return "no emulated instruction before the code divides";
	if (!in->familiar)
		return "no emulated instruction before one of unknown effect";
	if (in->writes & arguments)
		return "an argument is overwritten before the first emulated instruction";
	if (q->stack && (in->writes >> REG_RSP & 1))
		return "the stack pointer moves before the first emulated instruction";
	return NULL;
}

/* Does this jump leave, of all calls, those with NULL? `test` is the last comparison. */
static bool leaves_with_null(const struct insn *in, const struct insn *test)
{
	return in->flow == FLOW_JUMP_IF && in->condition == 0x4 && test->effect == EFFECT_TEST &&
	       test->from == REG_RDI;
}

/* Look along the straight way from the entry; returns why there is no place on it. */
static const char *way_search(struct code *code, const struct landings *landings,
			      const struct place_question *q, struct place *ret)
{
	uint64_t limit = q->entry + LANDINGS_REACH;
	/* Some callers and linkers skip the endbr64, which is no other way into the function. */
	uint64_t inside = q->entry + (is_endbr64(code, q->entry) ? ENDBR64_LEN : 0) + 1;
	uint16_t arguments = q->arguments;
	struct insn in, test = { 0 };

	if (q->end > q->entry && q->end < limit)
		limit = q->end;
	for (uint64_t at = q->entry; at < limit && code_insn(code, at, &in); at += in.len) {
		if (landings_within(landings, inside, at + in.len - 1))
			return "a branch lands before the first emulated instruction, or in it";
		if (in.emulated && (q->moved == REG_NONE || arguments != q->arguments)) {
			ret->at = at;
			ret->emulated = true;
			if (!ret->why)
				ret->why = "the first emulated instruction";
			if (!q->null_harmless || !leaves_with_null(&in, &test))
				return NULL;
			/* Better still, behind it. */
			ret->why = "emulated, behind the test for NULL";
			continue;
		}
		const char *ends = way_ends(q, arguments, &in);
		if (ends)
			return ends;
		if (moves_argument(q, &in))
			arguments = (uint16_t)(1u << in.reg);
		if (!in.keeps_flags)
			test = in;
	}
	return "no emulated instruction among the first";
}

bool place_find(struct code *code, const struct landings *landings, const struct place_question *q,
		struct place *ret)
{
	struct place found = { .at = q->entry };
	uint8_t bytes[INSN_LEN_MAX];
	size_t len = code_bytes(code, q->entry, bytes, sizeof(bytes));

	/* The entry itself, whatever lands behind it: that was no call. */
	found.emulated = probe_insn_emulated(bytes, len);
	if (found.emulated) {
		found.why = "emulated";
	} else {
		const char *none = way_search(code, landings, q, &found);
		if (none)
			found.why = found.emulated ? "emulated, the test for NULL itself" : none;
	}
	if (!found.emulated && probe_insn_refused(bytes, len))
		return false;
	*ret = found;
	return true;
}
