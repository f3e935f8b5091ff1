// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* -tagroot and -tagleaf: frames made of labels, around the real ones. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "profile/build.h"
#include "report/filter.h"

struct key_list {
	char *text; /* what the names point into */
	vec_of(const char *) names;
	bool matched;
};

struct tag_frames {
	struct profile *p;
	const char *unit;
	struct map locations; /* struct frame_key -> uint32_t */
	uint64_t next_function_id, next_location_id;
	vec_of(uint32_t) stacks;
};

struct frame_key {
	uint32_t values, key;
};

static void key_list_deinit(struct key_list *l)
{
	free(l->text);
	vec_deinit(&l->names);
}

static int key_list_init(struct key_list *l, const char *text)
{
	*l = (struct key_list){ .text = strdup(text ? text : "") };
	if (!l->text)
		return -ENOMEM;
	char *save = NULL;
	for (char *name = strtok_r(l->text, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (vec_push(&l->names, name) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void add_value(struct buf *b, const char *text)
{
	buf_printf(b, "%s%s", b->len ? "," : "", text);
}

/* All values of a key, strings before numbers, joined by commas; returns how many. */
static size_t label_values(const struct tag_frames *t, size_t sample, const char *key,
			   struct buf *b)
{
	const struct profile *p = t->p;
	size_t count, values = 0;
	const struct profile_label *labels = profile_labels(p, sample, &count);
	bool has_units = false;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(profile_str(p, labels[i].key), key) != 0)
			continue;
		has_units |= !labels[i].str && labels[i].unit;
		if (labels[i].str) {
			add_value(b, profile_str(p, labels[i].str));
			values++;
		}
	}
	for (size_t i = 0; i < count; i++) {
		char text[UNIT_LABEL_MAX];
		if (labels[i].str || strcmp(profile_str(p, labels[i].key), key) != 0)
			continue;
		if (has_units)
			unit_label(text, labels[i].num, profile_str(p, labels[i].unit), t->unit);
		else
			unit_label(text, labels[i].num, "", "");
		add_value(b, text);
		values++;
	}
	return values;
}

static int make_location(struct tag_frames *t, const struct frame_key *key, uint32_t *to)
{
	struct profile *p = t->p;
	struct profile_function f = {
		.id = t->next_function_id++,
		.name = key->values,
		.filename = key->key,
	};
	struct profile_line line = { .function = (uint32_t)p->functions.len };
	struct profile_location l = {
		.id = t->next_location_id++,
		.mapping = PROFILE_NONE,
		.line_start = p->lines.len,
		.line_count = 1,
	};

	*to = (uint32_t)p->locations.len;
	if (vec_push(&p->functions, f) < 0 || vec_push(&p->lines, line) < 0)
		return -ENOMEM;
	return vec_push(&p->locations, l);
}

/* A frame for each key; the first key is nearest to the root. */
static int make_frames(struct tag_frames *t, size_t sample, struct key_list *keys, uint32_t *to)
{
	for (size_t i = keys->names.len; i-- > 0;) {
		_cleanup_(buf_deinit) struct buf values = { 0 };
		if (label_values(t, sample, keys->names.items[i], &values) > 0)
			keys->matched = true;
		struct frame_key key = {
			.values = profile_intern(t->p, values.data ? values.data : "", values.len),
			.key = profile_intern_cstr(t->p, keys->names.items[i]),
		};
		bool added;
		uint32_t *location = map_put(&t->locations, &key, &added);
		if (values.error || profile_build_error(t->p) < 0 || !location)
			return -ENOMEM;
		if (added && make_location(t, &key, location) < 0)
			return -ENOMEM;
		*to++ = *location;
	}
	return 0;
}

static int rebuild_stacks(struct tag_frames *t, struct key_list *roots, struct key_list *leaves)
{
	struct profile *p = t->p;
	size_t added = p->sample_count * (roots->names.len + leaves->names.len);

	if (vec_reserve(&t->stacks, p->stacks.len + added) < 0)
		return -ENOMEM;
	for (size_t i = 0, start = 0; i < p->sample_count; i++) {
		size_t end = p->stack_ends.items[i], depth = end - start;
		uint32_t *leaf = t->stacks.items + t->stacks.len, *stack = leaf + leaves->names.len;
		/* The roots first: so pprof numbers the locations. */
		if (make_frames(t, i, roots, stack + depth) < 0 ||
		    make_frames(t, i, leaves, leaf) < 0)
			return -ENOMEM;
		for (size_t k = 0; k < depth; k++)
			stack[k] = p->stacks.items[start + k];
		t->stacks.len += leaves->names.len + depth + roots->names.len;
		start = end;
		p->stack_ends.items[i] = t->stacks.len;
	}
	free(p->stacks.items);
	p->stacks.items = t->stacks.items;
	p->stacks.len = t->stacks.len;
	p->stacks.cap = t->stacks.cap;
	t->stacks.items = NULL;
	return 0;
}

static void start_ids(struct tag_frames *t)
{
	vec_for_each(f, &t->p->functions)
		t->next_function_id = f->id > t->next_function_id ? f->id : t->next_function_id;
	vec_for_each(l, &t->p->locations)
		t->next_location_id = l->id > t->next_location_id ? l->id : t->next_location_id;
	t->next_function_id++;
	t->next_location_id++;
}

int filter_tag_frames(struct report *r, struct err *e)
{
	const char *root = r->options.tag_root, *leaf = r->options.tag_leaf;
	_cleanup_(key_list_deinit) struct key_list roots = { 0 };
	_cleanup_(key_list_deinit) struct key_list leaves = { 0 };
	struct tag_frames t = { .p = r->profile, .unit = r->output_unit };
	int rc = key_list_init(&roots, root);
	if (rc == 0)
		rc = key_list_init(&leaves, leaf);
	if (rc == 0 && roots.names.len + leaves.names.len > 0) {
		start_ids(&t);
		map_init(&t.locations, sizeof(struct frame_key), sizeof(uint32_t));
		rc = rebuild_stacks(&t, &roots, &leaves);
		map_deinit(&t.locations);
		vec_deinit(&t.stacks);
	}
	if (rc < 0)
		return err_set(e, rc, "cannot make frames of labels");
	filter_note_unmatched(r, "TagRoot", root, roots.matched);
	filter_note_unmatched(r, "TagLeaf", leaf, leaves.matched);
	return 0;
}
