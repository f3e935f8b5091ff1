// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/scopes.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>

#include "sym/unit.h"

/* Nesting of namespaces, functions, blocks and inlined calls; GCC and LLVM stay below 100. */
#define DEPTH_MAX 512

struct walk {
	struct scopes *scopes;
	const uint64_t *addrs;
	size_t n;
	uint32_t *leaves;
	bool everywhere; /* also look where functions with code are unusual: types, other functions
			  */
	uint64_t budget; /* entries that may still be visited */
};

static size_t addr_lower_bound(const struct walk *w, uint64_t addr)
{
	size_t low = 0, high = w->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (w->addrs[middle] < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

enum cover {
	COVER_NO_RANGES,
	COVER_NONE, /* has code, but none at our addresses */
	COVER_SOME,
};

/* Whether an entry's code contains any of the addresses; those become `leaf`'s, if it is given. */
static enum cover die_cover(struct walk *w, Dwarf_Die *die, uint32_t leaf)
{
	enum cover cover = COVER_NO_RANGES;
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		if (cover == COVER_NO_RANGES)
			cover = COVER_NONE;
		if (!unit_range_is_linked(start, end))
			continue;
		for (size_t i = addr_lower_bound(w, start); i < w->n && w->addrs[i] < end; i++) {
			cover = COVER_SOME;
			if (leaf == SCOPES_NONE)
				break;
			w->leaves[i] = leaf;
		}
	}
	return cover;
}

static int children_walk(struct walk *w, Dwarf_Die *parent, uint32_t outer, unsigned depth);

/* A function, or a call inlined into `outer`. */
static int function_walk(struct walk *w, Dwarf_Die *die, uint32_t outer, unsigned depth)
{
	uint32_t number = (uint32_t)w->scopes->items.len;
	bool inlined = dwarf_tag(die) == DW_TAG_inlined_subroutine;

	if (die_cover(w, die, number) != COVER_SOME)
		return w->everywhere ? children_walk(w, die, SCOPES_NONE, depth) : 0;
	struct scope scope = { .die = *die, .outer = inlined ? outer : SCOPES_NONE };
	if (vec_push(&w->scopes->items, scope) < 0)
		return -ENOMEM;
	return children_walk(w, die, number, depth);
}

static int die_walk(struct walk *w, Dwarf_Die *die, uint32_t outer, unsigned depth)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
		return function_walk(w, die, outer, depth);
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
		if (die_cover(w, die, SCOPES_NONE) == COVER_NONE && !w->everywhere)
			return 0;
		return children_walk(w, die, outer, depth);
	case DW_TAG_namespace:
	case DW_TAG_module:
		return children_walk(w, die, outer, depth);
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_interface_type:
		return w->everywhere ? children_walk(w, die, outer, depth) : 0;
	default:
		return 0;
	}
}

static int children_walk(struct walk *w, Dwarf_Die *parent, uint32_t outer, unsigned depth)
{
	Dwarf_Die die;

	if (depth == DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return 0;
	do {
		if (w->budget == 0)
			return 0;
		w->budget--;
		int rc = die_walk(w, &die, outer, depth + 1);
		if (rc < 0)
			return rc;
	} while (dwarf_siblingof(&die, &die) == 0);
	return 0;
}

void scopes_deinit(struct scopes *s)
{
	vec_deinit(&s->items);
}

int scopes_find(struct scopes *s, Dwarf_Die *unit, const uint64_t *addrs, size_t n,
		uint32_t *leaves)
{
	struct walk w = {
		.scopes = s,
		.addrs = addrs,
		.n = n,
		.leaves = leaves,
		.budget = unit_entries_max(unit),
	};
	size_t missing = 0;

	for (size_t i = 0; i < n; i++)
		leaves[i] = SCOPES_NONE;
	int rc = children_walk(&w, unit, SCOPES_NONE, 0);
	for (size_t i = 0; i < n; i++)
		missing += leaves[i] == SCOPES_NONE;
	if (rc < 0 || missing == 0)
		return rc;
	/* Nested functions and methods of local classes; hand-written assembly stays without one.
	 */
	w.everywhere = true;
	w.budget = unit_entries_max(unit);
	return children_walk(&w, unit, SCOPES_NONE, 0);
}
