// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/qualifiers.h"

#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sym/unit.h"

#define DEPTH_MAX     64 /* namespaces and classes in each other */
#define REFERENCE_MAX 4  /* from a function's definition to its declaration */

void qualifiers_init(struct qualifiers *q)
{
	*q = (struct qualifiers){ 0 };
	map_init(&q->functions, sizeof(void *), sizeof(const char *));
	map_init(&q->units, sizeof(Dwarf_CU *), 1);
}

void qualifiers_deinit(struct qualifiers *q)
{
	map_deinit(&q->functions);
	map_deinit(&q->units);
	vec_for_each(text, &q->texts)
		free(*text);
	vec_deinit(&q->texts);
}

/* `outer` and one scope more; owned by q. */
static const char *text_add(struct qualifiers *q, const char *outer, Dwarf_Die *scope)
{
	const char *name = dwarf_diename(scope);
	char *text;

	if (!name)
		name = dwarf_tag(scope) == DW_TAG_namespace ? "(anonymous namespace)"
							    : "(anonymous class)";
	if (asprintf(&text, "%s%s::", outer, name) < 0)
		return NULL;
	if (vec_push(&q->texts, text) < 0) {
		free(text);
		return NULL;
	}
	return text;
}

struct walk {
	struct qualifiers *q;
	uint64_t budget; /* entries that may still be visited */
};

static int children_walk(struct walk *w, Dwarf_Die *parent, const char *outer, unsigned depth);

static int die_walk(struct walk *w, Dwarf_Die *die, const char *outer, unsigned depth)
{
	const char **known;

	switch (dwarf_tag(die)) {
	case DW_TAG_subprogram:
		if (!outer[0])
			return 0;
		known = map_put(&w->q->functions, &die->addr, NULL);
		if (!known)
			return -ENOMEM;
		*known = outer;
		return 0;
	case DW_TAG_namespace:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
		if (!dwarf_haschildren(die))
			return 0;
		outer = text_add(w->q, outer, die);
		return outer ? children_walk(w, die, outer, depth) : -ENOMEM;
	default:
		return 0;
	}
}

static int children_walk(struct walk *w, Dwarf_Die *parent, const char *outer, unsigned depth)
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

const char *qualifiers_find(struct qualifiers *q, Dwarf_Die *function)
{
	Dwarf_Die die = *function, unit;
	Dwarf_Attribute attr;
	bool added;

	for (int i = 0; i < REFERENCE_MAX; i++) {
		Dwarf_Die declaration;

		if (!dwarf_formref_die(dwarf_attr(&die, DW_AT_specification, &attr), &declaration))
			break;
		die = declaration;
	}
	if (!map_put(&q->units, &die.cu, &added))
		return NULL;
	if (added && dwarf_diecu(&die, &unit, NULL, NULL)) {
		struct walk w = { q, unit_entries_max(&unit) };
		if (children_walk(&w, &unit, "", 0) < 0)
			return NULL;
	}
	const char **known = map_find(&q->functions, &die.addr);
	return known ? *known : "";
}
