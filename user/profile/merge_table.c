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

/* One profile being added: where its entries went. */
struct source {
	struct merge_table *t;
	struct profile *p;
	uint32_t *mappings, *functions, *locations, *strings; /* PROFILE_NONE: not yet */
};

void merge_table_init(struct merge_table *t, struct profile *out)
{
	*t = (struct merge_table){ .out = out };
	map_init(&t->mappings, sizeof(struct mapping_key), sizeof(uint32_t));
}

void merge_table_deinit(struct merge_table *t)
{
	map_deinit(&t->mappings);
	free(t->location_slots);
	free(t->sample_slots);
	vec_deinit(&t->last_strings);
	vec_deinit(&t->last_functions);
	vec_deinit(&t->last_locations);
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

/* Double a hash table of numbers once it is half full. */
static int slots_grow(uint32_t **slots, size_t *count, size_t used, const struct profile *p,
		      uint64_t (*hash)(const struct profile *p, size_t i))
{
	if ((used + 1) * 2 <= *count)
		return 0;
	size_t grown_count = *count ? *count * 2 : 1024;
	uint32_t *grown = calloc(grown_count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	for (size_t i = 0; i < used; i++) {
		size_t at = hash(p, i) & (grown_count - 1);
		while (grown[at])
			at = (at + 1) & (grown_count - 1);
		grown[at] = (uint32_t)i + 1;
	}
	free(*slots);
	*slots = grown;
	*count = grown_count;
	return 0;
}

/* Where the last profile's entry of this number went, or PROFILE_NONE. */
#define guess_of(last, number) ((number) < (last)->len ? (last)->items[number] : PROFILE_NONE)

static uint32_t merge_string(struct source *s, uint32_t string)
{
	if (s->strings[string] != PROFILE_NONE)
		return s->strings[string];
	const struct profile *out = s->t->out;
	const char *text = profile_str(s->p, string);
	size_t len = profile_str_len(s->p, string);
	uint32_t guess = guess_of(&s->t->last_strings, string);
	if (guess == PROFILE_NONE || profile_str_len(out, guess) != len ||
	    memcmp(profile_str(out, guess), text, len) != 0)
		guess = profile_intern(s->t->out, text, len);
	return s->strings[string] = guess;
}

static uint32_t merge_mapping(struct source *s, uint32_t number)
{
	if (number == PROFILE_NONE || s->mappings[number] != PROFILE_NONE)
		return number == PROFILE_NONE ? PROFILE_NONE : s->mappings[number];
	struct profile_mapping m = s->p->mappings.items[number];
	m.filename = merge_string(s, m.filename);
	m.build_id = merge_string(s, m.build_id);
	struct mapping_key key = {
		.pages = (m.limit - m.start + 0xfff) >> 12,
		.offset = m.offset,
		.identity = m.build_id ? m.build_id : m.filename,
	};
	bool added;
	uint32_t *to = map_put(&s->t->mappings, &key, &added);
	if (!to) {
		s->t->out->build_error = -ENOMEM;
		return PROFILE_NONE;
	}
	if (added)
		*to = profile_add_mapping(s->t->out, &m);
	return s->mappings[number] = *to;
}

static bool functions_equal(const struct profile_function *a, const struct profile_function *b)
{
	return a->name == b->name && a->system_name == b->system_name &&
	       a->filename == b->filename && a->start_line == b->start_line;
}

static uint32_t merge_function(struct source *s, uint32_t number)
{
	if (s->functions[number] == PROFILE_NONE) {
		struct profile_function f = s->p->functions.items[number];
		f.name = merge_string(s, f.name);
		f.system_name = merge_string(s, f.system_name);
		f.filename = merge_string(s, f.filename);
		uint32_t guess = guess_of(&s->t->last_functions, number);
		if (guess == PROFILE_NONE ||
		    !functions_equal(&s->t->out->functions.items[guess], &f))
			guess = profile_add_function(s->t->out, &f);
		s->functions[number] = guess;
	}
	return s->functions[number];
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
static uint32_t add_location(struct merge_table *t, const struct profile_location *l,
			     uint32_t guess)
{
	struct profile *out = t->out;
	size_t last = out->locations.len;

	if (slots_grow(&t->location_slots, &t->location_slot_count, last, out, location_hash) < 0 ||
	    vec_push(&out->locations, *l) < 0) {
		out->build_error = -ENOMEM;
		return 0;
	}
	if (guess != PROFILE_NONE && locations_equal(out, last, guess)) {
		out->locations.len--;
		out->lines.len = l->line_start;
		return guess;
	}
	size_t at = location_hash(out, last) & (t->location_slot_count - 1);
	for (; t->location_slots[at]; at = (at + 1) & (t->location_slot_count - 1)) {
		uint32_t other = t->location_slots[at] - 1;
		if (locations_equal(out, last, other)) {
			out->locations.len--;
			out->lines.len = l->line_start;
			return other;
		}
	}
	t->location_slots[at] = (uint32_t)last + 1;
	return (uint32_t)last;
}

static uint32_t merge_location(struct source *s, uint32_t number)
{
	if (s->locations[number] != PROFILE_NONE)
		return s->locations[number];
	struct profile *out = s->t->out;
	struct profile_location l = s->p->locations.items[number];
	uint32_t mapping = merge_mapping(s, l.mapping);
	if (mapping != PROFILE_NONE) {
		/* The same code elsewhere: addresses move with the mapping. */
		l.address +=
			out->mappings.items[mapping].start - s->p->mappings.items[l.mapping].start;
	}
	const struct profile_line *lines = profile_lines(s->p, &l);
	l.mapping = mapping;
	l.id = out->locations.len + 1;
	l.line_start = out->lines.len;
	for (size_t i = 0; i < l.line_count; i++) {
		struct profile_line line = lines[i];
		line.function = merge_function(s, line.function);
		if (vec_push(&out->lines, line) < 0) {
			out->build_error = -ENOMEM;
			return 0;
		}
	}
	uint32_t guess = guess_of(&s->t->last_locations, number);
	return s->locations[number] = add_location(s->t, &l, guess);
}

static int compare_labels(const void *pa, const void *pb, void *context)
{
	const struct profile *p = context;
	const struct profile_label *a = pa, *b = pb;

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
		for (; k > 0 && compare_labels(&labels[k - 1], &label, (void *)p) > 0; k--)
			labels[k] = labels[k - 1];
		labels[k] = label;
	}
}

static uint64_t sample_hash(const struct profile *p, size_t i)
{
	size_t depth, count;
	const uint32_t *stack = profile_stack(p, i, &depth);
	const struct profile_label *labels = profile_labels(p, i, &count);
	uint64_t hash = depth;

	for (size_t k = 0; k < depth; k++)
		hash = mix(hash, stack[k]);
	for (size_t k = 0; k < count; k++)
		hash = mix(mix(hash, labels[k].key),
			   labels[k].str ? labels[k].str : (uint64_t)labels[k].num);
	return hash;
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

static void append_labels(struct source *s, const struct profile_label *labels, size_t count)
{
	struct profile *out = s->t->out;
	size_t start = out->labels.len;

	for (size_t k = 0; k < count; k++) {
		struct profile_label l = {
			.key = merge_string(s, labels[k].key),
			.str = merge_string(s, labels[k].str),
			.unit = merge_string(s, labels[k].unit),
			.num = labels[k].num,
		};
		if (l.str || l.num || l.unit)
			out->labels.items[out->labels.len++] = l;
	}
	sort_labels(out, out->labels.items + start, out->labels.len - start);
	out->label_ends.items[out->label_ends.len++] = out->labels.len;
}

static void add_values(struct profile *out, size_t to, const int64_t *values)
{
	int64_t *sum = profile_values(out, to);

	for (size_t i = 0; i < out->sample_types.len; i++)
		sum[i] = (int64_t)((uint64_t)sum[i] + (uint64_t)values[i]);
}

/* Append the sample, then take it back if there is an equal one. */
static int merge_sample(struct source *s, size_t i)
{
	struct merge_table *t = s->t;
	struct profile *out = t->out;
	size_t depth, count, types = out->sample_types.len, last = out->sample_count;
	const uint32_t *stack = profile_stack(s->p, i, &depth);
	const struct profile_label *labels = profile_labels(s->p, i, &count);
	size_t stacks_before = out->stacks.len, labels_before = out->labels.len;

	if (reserve_sample(out, depth, count) < 0 ||
	    slots_grow(&t->sample_slots, &t->sample_slot_count, last, out, sample_hash) < 0)
		return -ENOMEM;
	for (size_t k = 0; k < depth; k++)
		out->stacks.items[out->stacks.len++] = merge_location(s, stack[k]);
	out->stack_ends.items[out->stack_ends.len++] = out->stacks.len;
	append_labels(s, labels, count);
	size_t at = sample_hash(out, last) & (t->sample_slot_count - 1);
	for (; t->sample_slots[at]; at = (at + 1) & (t->sample_slot_count - 1)) {
		uint32_t other = t->sample_slots[at] - 1;
		if (!samples_equal(out, last, other))
			continue;
		add_values(out, other, profile_values(s->p, i));
		out->stacks.len = stacks_before;
		out->labels.len = labels_before;
		out->stack_ends.len = out->label_ends.len = last;
		return 0;
	}
	t->sample_slots[at] = (uint32_t)last + 1;
	if (types)
		memcpy(out->values.items + out->values.len, profile_values(s->p, i),
		       types * sizeof(int64_t));
	out->values.len += types;
	out->sample_count++;
	return 0;
}

static uint32_t *none_table(size_t count)
{
	uint32_t *table = malloc((count + 1) * sizeof(*table));

	if (table)
		memset(table, 0xff, (count + 1) * sizeof(*table));
	return table;
}

/* Keep a table for guesses about the next profile. */
#define remember(last, table, count)                                                               \
	do {                                                                                       \
		vec_deinit(last);                                                                  \
		(last)->items = steal(*(table));                                                   \
		(last)->len = (last)->cap = (count);                                               \
	} while (0)

int merge_table_add(struct merge_table *t, struct profile *p)
{
	_cleanup_free_ uint32_t *mappings = none_table(p->mappings.len);
	_cleanup_free_ uint32_t *functions = none_table(p->functions.len);
	_cleanup_free_ uint32_t *locations = none_table(p->locations.len);
	_cleanup_free_ uint32_t *strings = none_table(p->strings.len);
	struct source s = { t, p, mappings, functions, locations, strings };

	if (!mappings || !functions || !locations || !strings)
		return -ENOMEM;
	/* The first mapping is the main binary: it comes first here too, used or not. */
	if (t->out->mappings.len == 0 && p->mappings.len > 0)
		merge_mapping(&s, 0);
	for (size_t i = 0; i < p->sample_count; i++) {
		if (!merge_is_zero(p, i) && merge_sample(&s, i) < 0)
			return -ENOMEM;
		if (t->out->build_error < 0)
			return -ENOMEM;
	}
	remember(&t->last_strings, &strings, p->strings.len);
	remember(&t->last_functions, &functions, p->functions.len);
	remember(&t->last_locations, &locations, p->locations.len);
	return 0;
}
