// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* One of the profiles that are added up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/merge_table.h"

static uint32_t *none_table(size_t count)
{
	uint32_t *table = malloc((count + 1) * sizeof(*table));

	if (table)
		memset(table, 0xff, (count + 1) * sizeof(*table));
	return table;
}

int merge_source_init(struct merge_source *s, struct profile *p)
{
	*s = (struct merge_source){
		.p = p,
		.mappings = none_table(p->mappings.len),
		.functions = none_table(p->functions.len),
		.locations = none_table(p->locations.len),
		.strings = none_table(p->strings.len),
	};
	return s->mappings && s->functions && s->locations && s->strings ? 0 : -ENOMEM;
}

void merge_source_deinit(struct merge_source *s)
{
	profile_destroy(s->p);
	free(s->mappings);
	free(s->functions);
	free(s->locations);
	free(s->strings);
	*s = (struct merge_source){ 0 };
}

/* Up to here both have entries. */
#define common_len(s, last, table)                                                                 \
	((s)->p->table.len < (last)->p->table.len ? (s)->p->table.len : (last)->p->table.len)

/* Equal numbers that are known by now stand for equal things: only such are taken over. */
static bool is_same(const uint32_t *known, uint32_t number, uint32_t last_number)
{
	return number == last_number && known[number] != PROFILE_NONE;
}

static void take_strings(struct merge_source *s, const struct merge_source *last)
{
	for (size_t i = 0; i < common_len(s, last, strings); i++) {
		uint32_t number = (uint32_t)i;
		size_t len = profile_str_len(s->p, number);
		if (last->strings[i] != PROFILE_NONE && profile_str_len(last->p, number) == len &&
		    memcmp(profile_str(s->p, number), profile_str(last->p, number), len) == 0)
			s->strings[i] = last->strings[i];
	}
}

static void take_mappings(struct merge_source *s, const struct merge_source *last)
{
	for (size_t i = 0; i < common_len(s, last, mappings); i++) {
		const struct profile_mapping *m = &s->p->mappings.items[i];
		const struct profile_mapping *l = &last->p->mappings.items[i];
		if (m->start == l->start && m->limit == l->limit && m->offset == l->offset &&
		    is_same(s->strings, m->filename, l->filename) &&
		    is_same(s->strings, m->build_id, l->build_id))
			s->mappings[i] = last->mappings[i];
	}
}

static void take_functions(struct merge_source *s, const struct merge_source *last)
{
	for (size_t i = 0; i < common_len(s, last, functions); i++) {
		const struct profile_function *f = &s->p->functions.items[i];
		const struct profile_function *l = &last->p->functions.items[i];
		if (f->start_line == l->start_line && is_same(s->strings, f->name, l->name) &&
		    is_same(s->strings, f->system_name, l->system_name) &&
		    is_same(s->strings, f->filename, l->filename))
			s->functions[i] = last->functions[i];
	}
}

static bool same_lines(const struct merge_source *s, const struct profile_location *x,
		       const struct merge_source *last, const struct profile_location *y)
{
	const struct profile_line *a = profile_lines(s->p, x), *b = profile_lines(last->p, y);

	if (x->line_count != y->line_count)
		return false;
	for (size_t i = 0; i < x->line_count; i++) {
		if (a[i].line != b[i].line || a[i].column != b[i].column ||
		    !is_same(s->functions, a[i].function, b[i].function))
			return false;
	}
	return true;
}

static void take_locations(struct merge_source *s, const struct merge_source *last)
{
	for (size_t i = 0; i < common_len(s, last, locations); i++) {
		const struct profile_location *x = &s->p->locations.items[i];
		const struct profile_location *y = &last->p->locations.items[i];
		bool same_mapping = x->mapping == PROFILE_NONE
					    ? y->mapping == PROFILE_NONE
					    : is_same(s->mappings, x->mapping, y->mapping);
		if (same_mapping && x->address == y->address && x->is_folded == y->is_folded &&
		    same_lines(s, x, last, y))
			s->locations[i] = last->locations[i];
	}
}

void merge_source_take_same(struct merge_source *s, const struct merge_source *last)
{
	if (!last->p)
		return;
	take_strings(s, last);
	take_mappings(s, last);
	take_functions(s, last);
	take_locations(s, last);
}
