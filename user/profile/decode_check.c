// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* From ids to indices, and the checks that need the whole profile. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "profile/decode_impl.h"

enum { PROBLEMS_MAX = 100 };

/* From ids to indices: a plain array while ids are about as dense as their table, else a map. */
struct id_table {
	uint32_t *dense; /* index by id, PROFILE_NONE if unknown */
	size_t dense_len;
	struct map sparse; /* uint64_t -> uint32_t */
};

static void id_table_deinit(struct id_table *t)
{
	free(t->dense);
	t->dense = NULL;
	map_deinit(&t->sparse);
}

static int id_table_init(struct id_table *t, size_t entries)
{
	*t = (struct id_table){ .dense_len = entries * 2 + 1024 };
	map_init(&t->sparse, sizeof(uint64_t), sizeof(uint32_t));
	t->dense = malloc(t->dense_len * sizeof(*t->dense));
	if (!t->dense)
		return -ENOMEM;
	for (size_t i = 0; i < t->dense_len; i++)
		t->dense[i] = PROFILE_NONE;
	return 0;
}

/* 1 if added, 0 if the id was there, or -ENOMEM. */
static int id_table_put(struct id_table *t, uint64_t id, uint32_t index)
{
	if (id < t->dense_len) {
		if (t->dense[id] != PROFILE_NONE)
			return 0;
		t->dense[id] = index;
		return 1;
	}
	bool added;
	uint32_t *to = map_put(&t->sparse, &id, &added);
	if (!to)
		return -ENOMEM;
	if (added)
		*to = index;
	return added;
}

/* The index that a reference of the decoder means, or PROFILE_NONE. */
static uint32_t id_table_find(const struct decoder *d, const struct id_table *t, uint32_t ref)
{
	if (ref < t->dense_len)
		return t->dense[ref];
	uint64_t id = ref;
	if (ref & BIG_ID)
		id = *(const uint64_t *)map_key_at(&d->big_ids, ref & ~BIG_ID);
	const uint32_t *index = map_find(&t->sparse, &id);
	return index ? *index : PROFILE_NONE;
}

/* The profile is wrong: fail, or note it and go on, as asked. */
static int __attribute__((format(printf, 2, 3))) problem(struct decoder *d, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!d->problems)
		return err_plain(d->e, -EBADMSG, "malformed profile: %s", text);
	if (d->problem_count++ < PROBLEMS_MAX)
		buf_printf(d->problems, "%s\n", text);
	return 0;
}

static unsigned long long ull(uint64_t v)
{
	return v;
}

/* Enter one table's ids. The texts differ from kind to kind as pprof's do. */
static int enter_id(struct decoder *d, struct id_table *t, const char *kind, const char *zero,
		    uint64_t id, uint32_t index, uint64_t at)
{
	if (id == 0)
		return problem(d, "found %s with reserved %s=0 (%s at byte %llu)", kind, zero, kind,
			       ull(at));
	int rc = id_table_put(t, id, index);
	if (rc < 0)
		return decode_no_memory(d);
	if (rc == 0)
		return problem(d, "multiple %ss with same id: %llu (%s at byte %llu)", kind,
			       ull(id), kind, ull(at));
	return 0;
}

/* Samples: their locations become indices, up to the first sample that has no values to show. */
static int resolve_samples(struct decoder *d, const struct id_table *locations)
{
	struct profile *p = d->p;
	size_t types = p->sample_types.len;

	if (types == 0 && d->samples_seen > 0)
		return problem(d, "missing sample type information");
	bool all_odd = d->samples_seen > 0 && d->first_values != types;
	for (size_t i = 0, k = 0; i < p->sample_count; i++) {
		if (all_odd) {
			int rc = problem(d,
					 "mismatch: sample has %zu values vs. %zu types "
					 "(sample %zu at byte %llu)",
					 d->first_values, types, i, ull(d->sample_at.items[i]));
			if (rc < 0)
				return rc;
		}
		for (; k < p->stack_ends.items[i]; k++) {
			uint32_t *ref = &p->stacks.items[k];
			uint32_t index = id_table_find(d, locations, *ref);
			if (index == PROFILE_NONE) {
				int rc = problem(d,
						 "sample has nil location (sample %zu at byte "
						 "%llu, location_id)",
						 i, ull(d->sample_at.items[i]));
				if (rc < 0)
					return rc;
			}
			*ref = index;
		}
	}
	if (d->odd_sample == SIZE_MAX || (all_odd && p->sample_count > 0))
		return 0;
	return problem(d, "mismatch: sample has %zu values vs. %zu types (sample %zu at byte %llu)",
		       d->odd_values, types, d->odd_sample, ull(d->odd_at));
}

static int resolve_location(struct decoder *d, size_t i, const struct id_table *mappings,
			    const struct id_table *functions)
{
	struct profile_location *l = &d->p->locations.items[i];

	/* Mapping 0 is none even where a broken profile has an entry of that id. */
	l->mapping = l->mapping ? id_table_find(d, mappings, l->mapping) : PROFILE_NONE;
	for (size_t k = 0; k < l->line_count; k++) {
		struct profile_line *line = &d->p->lines.items[l->line_start + k];
		uint32_t ref = line->function;
		line->function = ref ? id_table_find(d, functions, ref) : PROFILE_NONE;
		if (line->function == PROFILE_NONE) {
			int rc = problem(d,
					 "location id: %llu has a line with nil function "
					 "(location at byte %llu, line %zu)",
					 ull(l->id), ull(d->location_at.items[i]), k);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

/* The order of the checks is that of pprof's CheckValid, so that the first error is the same. */
static int resolve_all(struct decoder *d, struct id_table *mappings, struct id_table *functions,
		       struct id_table *locations)
{
	struct profile *p = d->p;
	int rc = 0;

	/* Duplicates and zeros among the locations are reported last, but samples need the ids. */
	for (size_t i = 0; i < p->locations.len; i++) {
		if (id_table_put(locations, p->locations.items[i].id, (uint32_t)i) < 0)
			return decode_no_memory(d);
	}
	rc = resolve_samples(d, locations);
	for (size_t i = 0; rc == 0 && i < p->mappings.len; i++)
		rc = enter_id(d, mappings, "mapping", "ID", p->mappings.items[i].id, (uint32_t)i,
			      d->mapping_at.items[i]);
	for (size_t i = 0; rc == 0 && i < p->functions.len; i++)
		rc = enter_id(d, functions, "function", "ID", p->functions.items[i].id, (uint32_t)i,
			      d->function_at.items[i]);
	id_table_deinit(locations);
	if (rc < 0 || id_table_init(locations, p->locations.len) < 0)
		return rc < 0 ? rc : decode_no_memory(d);
	for (size_t i = 0; rc == 0 && i < p->locations.len; i++) {
		rc = enter_id(d, locations, "location", "id", p->locations.items[i].id, (uint32_t)i,
			      d->location_at.items[i]);
		if (rc == 0)
			rc = resolve_location(d, i, mappings, functions);
	}
	return rc;
}

int decode_finish(struct decoder *d)
{
	struct profile *p = d->p;

	if (d->string_max >= p->strings.len)
		return err_plain(d->e, -EBADMSG,
				 "parsing profile: unrecognized profile format (%s.%s at byte "
				 "%llu: there is no string %lld)",
				 d->string_max_message ? d->string_max_message : "profile",
				 d->string_max_field ? d->string_max_field : "string_table",
				 ull(d->string_max_at), (long long)d->string_max);
	_cleanup_(id_table_deinit) struct id_table mappings = { 0 };
	_cleanup_(id_table_deinit) struct id_table functions = { 0 };
	_cleanup_(id_table_deinit) struct id_table locations = { 0 };
	if (id_table_init(&mappings, p->mappings.len) < 0 ||
	    id_table_init(&functions, p->functions.len) < 0 ||
	    id_table_init(&locations, p->locations.len) < 0)
		return decode_no_memory(d);
	int rc = resolve_all(d, &mappings, &functions, &locations);
	if (d->problem_count > PROBLEMS_MAX)
		buf_printf(d->problems, "%zu more problems\n", d->problem_count - PROBLEMS_MAX);
	return rc;
}
