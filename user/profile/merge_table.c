// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/merge_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/build.h"

/* Mappings are equal if their sizes are, in pages, and what they map. */
struct mapping_key {
	uint64_t pages, offset;
	uint64_t identity; /* string: the build id, else the file name */
};

void merge_table_init(struct merge_table *t, struct profile *out)
{
	*t = (struct merge_table){ .out = out };
	map_init(&t->mappings, sizeof(struct mapping_key), sizeof(uint32_t));
}

void merge_table_deinit(struct merge_table *t)
{
	map_deinit(&t->mappings);
	slots_deinit(&t->locations);
	slots_deinit(&t->samples);
	merge_source_deinit(&t->source);
	merge_source_deinit(&t->last);
}

bool merge_is_zero(const struct profile *p, size_t sample)
{
	const int64_t *values = profile_values(p, sample);

	for (size_t i = 0; i < p->sample_types.len; i++) {
		if (values[i] != 0)
			return false;
	}
	return true;
}

static uint64_t mix(uint64_t hash, uint64_t v)
{
	hash = (hash ^ v) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

static uint32_t merge_string(struct merge_table *t, uint32_t string)
{
	uint32_t *to = &t->source.strings[string];
	const struct profile *p = t->source.p;

	if (*to == PROFILE_NONE)
		*to = profile_intern(t->out, profile_str(p, string), profile_str_len(p, string));
	return *to;
}

static uint32_t merge_mapping(struct merge_table *t, uint32_t number)
{
	if (number == PROFILE_NONE || t->source.mappings[number] != PROFILE_NONE)
		return number == PROFILE_NONE ? PROFILE_NONE : t->source.mappings[number];
	struct profile_mapping m = t->source.p->mappings.items[number];
	m.filename = merge_string(t, m.filename);
	m.build_id = merge_string(t, m.build_id);
	struct mapping_key key = {
		.pages = (m.limit - m.start + 0xfff) >> 12,
		.offset = m.offset,
		.identity = m.build_id ? m.build_id : m.filename,
	};
	bool added;
	uint32_t *to = map_put(&t->mappings, &key, &added);
	if (!to) {
		t->out->build_error = -ENOMEM;
		return PROFILE_NONE;
	}
	if (added)
		*to = profile_add_mapping(t->out, &m);
	return t->source.mappings[number] = *to;
}

static uint32_t merge_function(struct merge_table *t, uint32_t number)
{
	uint32_t *to = &t->source.functions[number];

	if (*to == PROFILE_NONE) {
		struct profile_function f = t->source.p->functions.items[number];
		f.name = merge_string(t, f.name);
		f.system_name = merge_string(t, f.system_name);
		f.filename = merge_string(t, f.filename);
		*to = profile_add_function(t->out, &f);
	}
	return *to;
}

static uint64_t location_hash(const struct profile *p, size_t i)
{
	const struct profile_location *l = &p->locations.items[i];
	uint64_t hash = mix(l->mapping, l->address);

	for (size_t k = 0; k < l->line_count; k++) {
		const struct profile_line *line = &profile_lines(p, l)[k];
		hash = mix(mix(hash, line->function), (uint64_t)line->line);
	}
	return mix(hash, l->line_count);
}

static bool locations_equal(const struct profile *p, size_t i, size_t k)
{
	const struct profile_location *a = &p->locations.items[i], *b = &p->locations.items[k];

	if (a->mapping != b->mapping || a->address != b->address || a->is_folded != b->is_folded ||
	    a->line_count != b->line_count)
		return false;
	for (size_t l = 0; l < a->line_count; l++) {
		const struct profile_line *x = &profile_lines(p, a)[l],
					  *y = &profile_lines(p, b)[l];
		if (x->function != y->function || x->line != y->line || x->column != y->column)
			return false;
	}
	return true;
}

/* Append the location, then take it back if there is an equal one. */
static uint32_t add_location(struct merge_table *t, const struct profile_location *l)
{
	struct profile *out = t->out;
	size_t last = out->locations.len;

	if (slots_reserve(&t->locations) < 0 || vec_push(&out->locations, *l) < 0) {
		out->build_error = -ENOMEM;
		return 0;
	}
	uint64_t hash = location_hash(out, last);
	struct slot *slot = slots_first(&t->locations, hash);
	for (; slot->next_number; slot = slots_next(&t->locations, slot)) {
		uint32_t other = slot->next_number - 1;
		if (slot->hash == (uint32_t)hash && locations_equal(out, last, other)) {
			out->locations.len--;
			out->lines.len = l->line_start;
			return other;
		}
	}
	slots_take(&t->locations, slot, hash, (uint32_t)last);
	return (uint32_t)last;
}

static uint32_t merge_location(struct merge_table *t, uint32_t number)
{
	struct profile *out = t->out, *p = t->source.p;
	struct profile_location l = p->locations.items[number];
	uint32_t mapping = merge_mapping(t, l.mapping);

	if (mapping != PROFILE_NONE) {
		/* The same code elsewhere: addresses move with the mapping. */
		l.address +=
			out->mappings.items[mapping].start - p->mappings.items[l.mapping].start;
	}
	const struct profile_line *lines = profile_lines(p, &l);
	l.mapping = mapping;
	l.id = out->locations.len + 1;
	l.line_start = out->lines.len;
	for (size_t i = 0; i < l.line_count; i++) {
		struct profile_line line = lines[i];
		line.function = merge_function(t, line.function);
		if (vec_push(&out->lines, line) < 0) {
			out->build_error = -ENOMEM;
			return 0;
		}
	}
	return t->source.locations[number] = add_location(t, &l);
}

static int compare_labels(const struct profile *p, const struct profile_label *a,
			  const struct profile_label *b)
{
	if (!a->str != !b->str)
		return a->str ? -1 : 1;
	return strcmp(profile_str(p, a->key), profile_str(p, b->key));
}

/* Stable: labels of one key keep their order. There are few. */
static void sort_labels(const struct profile *p, struct profile_label *labels, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct profile_label label = labels[i];
		size_t k = i;
		for (; k > 0 && compare_labels(p, &labels[k - 1], &label) > 0; k--)
			labels[k] = labels[k - 1];
		labels[k] = label;
	}
}

static bool samples_equal(const struct profile *p, size_t i, size_t k)
{
	size_t depth_a, depth_b, count_a, count_b;
	const uint32_t *a = profile_stack(p, i, &depth_a), *b = profile_stack(p, k, &depth_b);
	const struct profile_label *la = profile_labels(p, i, &count_a);
	const struct profile_label *lb = profile_labels(p, k, &count_b);

	if (depth_a != depth_b || count_a != count_b || memcmp(a, b, depth_a * sizeof(*a)) != 0)
		return false;
	for (size_t n = 0; n < count_a; n++) {
		if (la[n].key != lb[n].key || la[n].str != lb[n].str || la[n].num != lb[n].num ||
		    la[n].unit != lb[n].unit)
			return false;
	}
	return true;
}

static int reserve_sample(struct profile *out, size_t depth, size_t labels)
{
	if (vec_reserve(&out->stacks, out->stacks.len + depth) < 0 ||
	    vec_reserve(&out->stack_ends, out->sample_count + 1) < 0 ||
	    vec_reserve(&out->values, out->values.len + out->sample_types.len) < 0 ||
	    vec_reserve(&out->labels, out->labels.len + labels) < 0 ||
	    vec_reserve(&out->label_ends, out->sample_count + 1) < 0)
		return -ENOMEM;
	return 0;
}

/* Append the stack and the labels of a sample; their hash. */
static uint64_t append_stack(struct merge_table *t, const uint32_t *stack, size_t depth)
{
	struct profile *out = t->out;
	uint32_t *to = out->stacks.items + out->stacks.len;
	uint64_t hash = depth;

	for (size_t k = 0; k < depth; k++) {
		uint32_t location = t->source.locations[stack[k]];
		if (location == PROFILE_NONE)
			location = merge_location(t, stack[k]);
		to[k] = location;
		hash = mix(hash, location);
	}
	out->stacks.len += depth;
	out->stack_ends.items[out->stack_ends.len++] = out->stacks.len;
	return hash;
}

static uint64_t append_labels(struct merge_table *t, const struct profile_label *labels,
			      size_t count, uint64_t hash)
{
	struct profile *out = t->out;
	size_t start = out->labels.len;

	for (size_t k = 0; k < count; k++) {
		struct profile_label l = {
			.key = merge_string(t, labels[k].key),
			.str = merge_string(t, labels[k].str),
			.unit = merge_string(t, labels[k].unit),
			.num = labels[k].num,
		};
		if (l.str || l.num || l.unit)
			out->labels.items[out->labels.len++] = l;
	}
	sort_labels(out, out->labels.items + start, out->labels.len - start);
	out->label_ends.items[out->label_ends.len++] = out->labels.len;
	for (size_t k = start; k < out->labels.len; k++) {
		const struct profile_label *l = &out->labels.items[k];
		hash = mix(mix(hash, l->key), l->str ? l->str : (uint64_t)l->num);
	}
	return hash;
}

static void add_values(struct profile *out, size_t to, const int64_t *values)
{
	int64_t *sum = profile_values(out, to);

	for (size_t i = 0; i < out->sample_types.len; i++)
		sum[i] = (int64_t)((uint64_t)sum[i] + (uint64_t)values[i]);
}

/* Append the sample, then take it back if there is an equal one. */
static int merge_sample(struct merge_table *t, size_t i)
{
	struct profile *out = t->out;
	size_t depth, count, types = out->sample_types.len, last = out->sample_count;
	const uint32_t *stack = profile_stack(t->source.p, i, &depth);
	const struct profile_label *labels = profile_labels(t->source.p, i, &count);
	const int64_t *values = profile_values(t->source.p, i);
	size_t stacks_before = out->stacks.len, labels_before = out->labels.len;

	if (reserve_sample(out, depth, count) < 0 || slots_reserve(&t->samples) < 0)
		return -ENOMEM;
	uint64_t hash = append_labels(t, labels, count, append_stack(t, stack, depth));
	struct slot *slot = slots_first(&t->samples, hash);
	for (; slot->next_number; slot = slots_next(&t->samples, slot)) {
		uint32_t other = slot->next_number - 1;
		if (slot->hash != (uint32_t)hash || !samples_equal(out, last, other))
			continue;
		add_values(out, other, values);
		out->stacks.len = stacks_before;
		out->labels.len = labels_before;
		out->stack_ends.len = out->label_ends.len = last;
		return 0;
	}
	slots_take(&t->samples, slot, hash, (uint32_t)last);
	if (types)
		memcpy(out->values.items + out->values.len, values, types * sizeof(int64_t));
	out->values.len += types;
	out->sample_count++;
	return 0;
}

int merge_table_add(struct merge_table *t, struct profile *p)
{
	if (merge_source_init(&t->source, p) < 0)
		return -ENOMEM;
	merge_source_take_same(&t->source, &t->last);
	/* The first mapping is the main binary: it comes first here too, used or not. */
	if (t->out->mappings.len == 0 && p->mappings.len > 0)
		merge_mapping(t, 0);
	for (size_t i = 0; i < p->sample_count; i++) {
		if (!merge_is_zero(p, i) && merge_sample(t, i) < 0)
			return -ENOMEM;
		if (t->out->build_error < 0)
			return -ENOMEM;
	}
	merge_source_deinit(&t->last);
	t->last = t->source;
	t->source = (struct merge_source){ 0 };
	return 0;
}
