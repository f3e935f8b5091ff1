// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/edit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/build.h"
#include "profile/unit.h"

/* Samples only move towards the front, so what is not yet read is never overwritten. */
void profile_edit_samples(struct profile *p, edit_fn *edit, void *context)
{
	size_t types = p->sample_types.len, kept = 0, stack_len = 0, labels_len = 0;
	size_t stack_start = 0, labels_start = 0;

	for (size_t i = 0; i < p->sample_count; i++) {
		size_t stack_end = p->stack_ends.items[i];
		size_t labels_end = p->label_ends.len ? p->label_ends.items[i] : 0;
		uint32_t *stack = p->stacks.items + stack_start;
		size_t depth = edit(context, i, stack, stack_end - stack_start);
		if (depth != EDIT_DROP) {
			memmove(p->stacks.items + stack_len, stack, depth * sizeof(*stack));
			stack_len += depth;
			memmove(p->values.items + kept * types, p->values.items + i * types,
				types * sizeof(*p->values.items));
			if (p->label_ends.len) {
				size_t count = labels_end - labels_start;
				memmove(p->labels.items + labels_len,
					p->labels.items + labels_start,
					count * sizeof(*p->labels.items));
				labels_len += count;
				p->label_ends.items[kept] = labels_len;
			}
			p->stack_ends.items[kept++] = stack_len;
		}
		stack_start = stack_end;
		labels_start = labels_end;
	}
	p->sample_count = p->stack_ends.len = kept;
	p->stacks.len = stack_len;
	p->values.len = kept * types;
	if (p->label_ends.len) {
		p->label_ends.len = kept;
		p->labels.len = labels_len;
	}
}

void profile_edit_labels(struct profile *p,
			 bool (*keep)(void *context, const struct profile_label *label),
			 void *context)
{
	size_t start = 0, len = 0;

	for (size_t i = 0; i < p->label_ends.len; i++) {
		size_t end = p->label_ends.items[i];
		for (size_t k = start; k < end; k++) {
			struct profile_label label = p->labels.items[k];
			if (keep(context, &label))
				p->labels.items[len++] = label;
		}
		start = end;
		p->label_ends.items[i] = len;
	}
	p->labels.len = len;
}

static bool has_other_key(void *context, const struct profile_label *label)
{
	return !label->str || label->key != *(const uint32_t *)context;
}

int profile_label_all(struct profile *p, const char *key, const char *value)
{
	struct profile_label label = {
		.key = profile_intern_cstr(p, key),
		.str = profile_intern_cstr(p, value),
	};

	profile_edit_labels(p, has_other_key, &label.key);
	if (profile_build_error(p) < 0 ||
	    vec_reserve(&p->labels, p->labels.len + p->sample_count) < 0 ||
	    vec_reserve(&p->label_ends, p->sample_count) < 0)
		return -ENOMEM;
	for (; p->label_ends.len < p->sample_count; p->label_ends.len++)
		p->label_ends.items[p->label_ends.len] = p->labels.len;
	/* From the back, each sample's labels move up by the number of those before it. */
	size_t end = p->labels.len;
	for (size_t i = p->sample_count; i-- > 0;) {
		size_t start = i ? p->label_ends.items[i - 1] : 0;
		memmove(p->labels.items + start + i, p->labels.items + start,
			(end - start) * sizeof(label));
		p->labels.items[end + i] = label;
		p->label_ends.items[i] = end + i + 1;
		end = start;
	}
	p->labels.len += p->sample_count;
	return 0;
}

struct scaling {
	struct profile *p;
	const double *ratios;
};

static size_t scale_sample(void *context, size_t sample, uint32_t *stack, size_t depth)
{
	const struct scaling *s = context;
	int64_t *values = profile_values(s->p, sample);
	bool keep = false;

	(void)stack;
	for (size_t i = 0; i < s->p->sample_types.len; i++) {
		if (s->ratios[i] == 1)
			continue;
		values[i] = unit_truncate(round((double)values[i] * s->ratios[i]));
		keep |= values[i] != 0;
	}
	return keep ? depth : EDIT_DROP;
}

void profile_scale(struct profile *p, const double *ratios)
{
	struct scaling s = { p, ratios };
	bool all_ones = true;

	for (size_t i = 0; i < p->sample_types.len; i++)
		all_ones &= ratios[i] == 1;
	if (!all_ones)
		profile_edit_samples(p, scale_sample, &s);
}

void profile_keep_value(struct profile *p, size_t index)
{
	size_t types = p->sample_types.len;

	if (types == 1)
		return;
	for (size_t i = 0; i < p->sample_count; i++)
		p->values.items[i] = p->values.items[i * types + index];
	p->sample_types.items[0] = p->sample_types.items[index];
	p->sample_types.len = 1;
	p->values.len = p->sample_count;
	int64_t *smaller = realloc(p->values.items, (p->values.len + 1) * sizeof(*smaller));
	if (smaller) {
		p->values.items = smaller;
		p->values.cap = p->values.len + 1;
	}
}

static void renumber_value_type(struct profile_value_type *vt, const uint32_t *to)
{
	vt->type = to[vt->type];
	vt->unit = to[vt->unit];
}

static void renumber_strings(struct profile *p, const uint32_t *to)
{
	vec_for_each(vt, &p->sample_types)
		renumber_value_type(vt, to);
	renumber_value_type(&p->period_type, to);
	vec_for_each(m, &p->mappings) {
		m->filename = to[m->filename];
		m->build_id = to[m->build_id];
	}
	vec_for_each(f, &p->functions) {
		f->name = to[f->name];
		f->system_name = to[f->system_name];
		f->filename = to[f->filename];
	}
	vec_for_each(l, &p->labels) {
		l->key = to[l->key];
		l->str = to[l->str];
		l->unit = to[l->unit];
	}
	vec_for_each(c, &p->comments)
		*c = to[*c];
	p->drop_frames = to[p->drop_frames];
	p->keep_frames = to[p->keep_frames];
	p->default_sample_type = to[p->default_sample_type];
	p->doc_url = to[p->doc_url];
}

int profile_unify_strings(struct profile *p)
{
	size_t count = p->strings.len;
	_cleanup_free_ uint32_t *to = malloc(count * sizeof(*to));
	bool unique = true;

	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct profile_string *s = &p->strings.items[i];
		to[i] = profile_intern(p, p->bytes + s->start, s->len);
		unique &= to[i] == i;
	}
	if (profile_build_error(p) < 0)
		return -ENOMEM;
	if (!unique)
		renumber_strings(p, to);
	return 0;
}

int profile_add_missing_mapping(struct profile *p)
{
	const struct profile_mapping empty = { 0 };

	if (p->mappings.len > 0)
		return 0;
	profile_add_mapping(p, &empty);
	vec_for_each(l, &p->locations)
		l->mapping = 0;
	return profile_build_error(p);
}
