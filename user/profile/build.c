// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/build.h"

#include <errno.h>
#include <string.h>

#include "profile/intern.h"

/* Remember that something was lost. */
static uint32_t build_fail(struct profile *p)
{
	p->build_error = -ENOMEM;
	return 0;
}

int profile_build_error(const struct profile *p)
{
	return p->build_error;
}

uint32_t profile_intern(struct profile *p, const char *bytes, size_t len)
{
	struct profile_intern *in = intern_get(p);
	uint32_t *slot = in ? intern_string_slot(p, in, bytes, len) : NULL;
	if (!slot)
		return build_fail(p);
	if (*slot)
		return *slot - 1;
	if (profile_append_string(p, bytes, len) < 0)
		return build_fail(p);
	*slot = (uint32_t)p->strings.len;
	in->strings_seen = p->strings.len;
	return *slot - 1;
}

uint32_t profile_intern_cstr(struct profile *p, const char *s)
{
	return s ? profile_intern(p, s, strlen(s)) : 0;
}

void profile_add_sample_type(struct profile *p, const char *type, const char *unit)
{
	struct profile_value_type vt = {
		.type = profile_intern_cstr(p, type),
		.unit = profile_intern_cstr(p, unit),
	};

	if (vec_push(&p->sample_types, vt) < 0)
		build_fail(p);
}

void profile_set_period(struct profile *p, const char *type, const char *unit, int64_t period)
{
	p->period_type.type = profile_intern_cstr(p, type);
	p->period_type.unit = profile_intern_cstr(p, unit);
	p->period = period;
}

void profile_set_default_sample_type(struct profile *p, const char *type)
{
	p->default_sample_type = profile_intern_cstr(p, type);
}

void profile_set_doc_url(struct profile *p, const char *url)
{
	p->doc_url = profile_intern_cstr(p, url);
}

void profile_add_comment(struct profile *p, const char *comment)
{
	uint32_t string = profile_intern_cstr(p, comment);

	if (vec_push(&p->comments, string) < 0)
		build_fail(p);
}

uint32_t profile_add_mapping(struct profile *p, const struct profile_mapping *mapping)
{
	if (vec_push(&p->mappings, *mapping) < 0)
		return build_fail(p);
	p->mappings.items[p->mappings.len - 1].id = p->mappings.len;
	return (uint32_t)p->mappings.len - 1;
}

uint32_t profile_add_location(struct profile *p, uint32_t mapping, uint64_t address)
{
	struct profile_intern *in = intern_get(p);
	bool added;
	uint32_t *slot = in ? intern_location_slot(p, in, mapping, address, &added) : NULL;
	if (!slot)
		return build_fail(p);
	if (!added)
		return *slot;
	struct profile_location location = {
		.id = p->locations.len + 1,
		.address = address,
		.mapping = mapping,
	};
	if (vec_push(&p->locations, location) < 0)
		return build_fail(p);
	in->locations_seen = p->locations.len;
	return *slot = (uint32_t)p->locations.len - 1;
}

void profile_location_set_lines(struct profile *p, uint32_t location,
				const struct profile_line *lines, size_t count)
{
	struct profile_location *l = &p->locations.items[location];

	if (count > l->line_count) {
		if (vec_reserve(&p->lines, p->lines.len + count) < 0) {
			build_fail(p);
			return;
		}
		l->line_start = p->lines.len;
		p->lines.len += count;
	}
	l->line_count = (uint32_t)count;
	if (count)
		memcpy(p->lines.items + l->line_start, lines, count * sizeof(*lines));
}

uint32_t profile_add_function(struct profile *p, const struct profile_function *function)
{
	struct profile_intern *in = intern_get(p);
	bool added;
	uint32_t *slot = in ? intern_function_slot(p, in, function, &added) : NULL;
	if (!slot)
		return build_fail(p);
	if (!added)
		return *slot;
	if (vec_push(&p->functions, *function) < 0)
		return build_fail(p);
	p->functions.items[p->functions.len - 1].id = p->functions.len;
	in->functions_seen = p->functions.len;
	return *slot = (uint32_t)p->functions.len - 1;
}

/* Labels are rare: their ends are only kept once there is one. */
static int add_labels(struct profile *p, const struct profile_label *labels, size_t count)
{
	if (count == 0 && p->label_ends.len == 0)
		return 0;
	if (vec_reserve(&p->labels, p->labels.len + count) < 0 ||
	    vec_reserve(&p->label_ends, p->sample_count + 1) < 0)
		return -ENOMEM;
	while (p->label_ends.len < p->sample_count)
		p->label_ends.items[p->label_ends.len++] = 0;
	if (count)
		memcpy(p->labels.items + p->labels.len, labels, count * sizeof(*labels));
	p->labels.len += count;
	p->label_ends.items[p->label_ends.len++] = p->labels.len;
	return 0;
}

void profile_add_sample(struct profile *p, const uint32_t *stack, size_t depth,
			const int64_t *values, const struct profile_label *labels,
			size_t label_count)
{
	size_t types = p->sample_types.len;

	if (vec_reserve(&p->stacks, p->stacks.len + depth) < 0 ||
	    vec_reserve(&p->stack_ends, p->stack_ends.len + 1) < 0 ||
	    vec_reserve(&p->values, p->values.len + types) < 0 ||
	    add_labels(p, labels, label_count) < 0) {
		build_fail(p);
		return;
	}
	if (depth)
		memcpy(p->stacks.items + p->stacks.len, stack, depth * sizeof(*stack));
	p->stacks.len += depth;
	p->stack_ends.items[p->stack_ends.len++] = p->stacks.len;
	if (types)
		memcpy(p->values.items + p->values.len, values, types * sizeof(*values));
	p->values.len += types;
	p->sample_count++;
}
