// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/qualifiers.h"

#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "sym/demangle.h"
#include "sym/unit.h"

#define DEPTH_MAX     128 /* scopes in each other */
#define REFERENCE_MAX 4   /* from a function's definition to its declaration */

struct walk {
	struct qualifier *items; /* of one unit, by position of the declaration */
	size_t n;
	Dwarf_Die *scopes[DEPTH_MAX]; /* from the unit to the entry at hand */
	size_t depth;
	uint64_t budget; /* entries that may still be visited */
};

static int item_compare(const void *pa, const void *pb)
{
	const char *a = ((const struct qualifier *)pa)->function.addr;
	const char *b = ((const struct qualifier *)pb)->function.addr;

	return a < b ? -1 : a > b;
}

static size_t item_lower_bound(const struct walk *w, const char *addr)
{
	size_t low = 0, high = w->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((const char *)w->items[middle].function.addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A function as a scope: its linkage name, if it has one, tells all that is around it too. */
static void function_add(struct buf *text, Dwarf_Die *function)
{
	Dwarf_Attribute attr;
	const char *name =
		dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &attr));
	_cleanup_free_ char *full = name ? demangle(name, strlen(name)) : NULL;

	if (full)
		text->len = 0;
	name = full ? full : dwarf_diename(function);
	if (name)
		buf_printf(text, "%s::", name);
}

static void scope_add(struct buf *text, Dwarf_Die *scope)
{
	const char *name = dwarf_diename(scope);

	switch (dwarf_tag(scope)) {
	case DW_TAG_subprogram:
		function_add(text, scope);
		break;
	case DW_TAG_namespace:
		buf_printf(text, "%s::", name ? name : "(anonymous namespace)");
		break;
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
		buf_printf(text, "%s::", name ? name : "(anonymous class)");
		break;
	}
}

static int item_qualify(struct walk *w, struct qualifier *item)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < w->depth; i++)
		scope_add(&text, w->scopes[i]);
	if (text.error || !text.len) {
		buf_deinit(&text);
		return text.error;
	}
	free(item->text); /* crossed links of damaged DWARF lead here twice */
	item->text = text.data;
	return 0;
}

/* Find what lies below `parent`, whose entries are before `end`. */
static int children_walk(struct walk *w, Dwarf_Die *parent, const char *end)
{
	Dwarf_Die die, next;
	bool last;

	if (w->depth == DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return 0;
	w->scopes[w->depth++] = parent;
	do {
		last = dwarf_siblingof(&die, &next) != 0;
		const char *die_end = last ? end : next.addr;
		size_t i = item_lower_bound(w, die.addr);
		int rc = 0;

		if (w->budget == 0)
			break;
		w->budget--;
		for (; rc == 0 && i < w->n && w->items[i].function.addr == die.addr; i++)
			rc = item_qualify(w, &w->items[i]);
		if (rc == 0 && i < w->n && (const char *)w->items[i].function.addr < die_end)
			rc = children_walk(w, &die, die_end);
		if (rc < 0)
			return rc;
		die = next;
	} while (!last);
	w->depth--;
	return 0;
}

static bool unit_is_cxx(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case 0x2b: /* C++17, 20 and 23: later than DWARF 5, and than elfutils' names */
	case 0x2c:
	case 0x3a:
		return true;
	default:
		return false;
	}
}

/* Definitions outside of their class refer to the declaration inside. */
static void declaration_follow(Dwarf_Die *function)
{
	for (int i = 0; i < REFERENCE_MAX; i++) {
		Dwarf_Attribute attr;
		Dwarf_Die declaration;

		if (!dwarf_formref_die(dwarf_attr(function, DW_AT_specification, &attr),
				       &declaration))
			return;
		*function = declaration;
	}
}

int qualifiers_find(struct qualifier *items, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		items[i].text = NULL;
		declaration_follow(&items[i].function);
	}
	if (n)
		qsort(items, n, sizeof(items[0]), item_compare);
	/* The entries of a unit follow each other. */
	for (size_t i = 0, next; rc == 0 && i < n; i = next) {
		Dwarf_Die unit;

		for (next = i + 1; next < n && items[next].function.cu == items[i].function.cu;)
			next++;
		if (!dwarf_diecu(&items[i].function, &unit, NULL, NULL) || !unit_is_cxx(&unit))
			continue;
		struct walk w = {
			.items = items + i,
			.n = next - i,
			.budget = unit_entries_max(&unit),
		};
		rc = children_walk(&w, &unit, (const char *)UINTPTR_MAX);
	}
	return rc;
}
