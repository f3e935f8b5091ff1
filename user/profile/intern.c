// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct profile_intern *intern_get(struct profile *p)
{
	if (p->intern)
		return p->intern;
	struct profile_intern *in = calloc(1, sizeof(*in));
	if (!in)
		return NULL;
	map_init(&in->functions, sizeof(struct intern_function_key), sizeof(uint32_t));
	map_init(&in->locations, sizeof(struct intern_location_key), sizeof(uint32_t));
	p->intern = in;
	return in;
}

void intern_destroy(struct profile_intern *in)
{
	if (!in)
		return;
	free(in->slots);
	map_deinit(&in->functions);
	map_deinit(&in->locations);
	free(in);
}

/* The slot of `bytes`, or the free one where they belong. The table is never full. */
static uint32_t *string_slot(const struct profile *p, const struct profile_intern *in,
			     const char *bytes, size_t len)
{
	size_t i = hash_bytes(bytes, len) & (in->slot_count - 1);

	for (; in->slots[i]; i = (i + 1) & (in->slot_count - 1)) {
		const struct profile_string *s = &p->strings.items[in->slots[i] - 1];
		if (s->len == len && memcmp(p->bytes + s->start, bytes, len) == 0)
			break;
	}
	return &in->slots[i];
}

/* Make room for one more string than there are, at most half full. */
static int string_slots_grow(const struct profile *p, struct profile_intern *in)
{
	size_t need = (p->strings.len + 1) * 2;
	if (need <= in->slot_count)
		return 0;
	size_t count = in->slot_count ? in->slot_count : 64;
	while (count < need)
		count *= 2;
	uint32_t *slots = calloc(count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(in->slots);
	in->slots = slots;
	in->slot_count = count;
	in->strings_seen = 0;
	return 0;
}

uint32_t *intern_string_slot(struct profile *p, struct profile_intern *in, const char *bytes,
			     size_t len)
{
	if (string_slots_grow(p, in) < 0)
		return NULL;
	for (; in->strings_seen < p->strings.len; in->strings_seen++) {
		const struct profile_string *s = &p->strings.items[in->strings_seen];
		uint32_t *slot = string_slot(p, in, p->bytes + s->start, s->len);
		if (*slot == 0)
			*slot = (uint32_t)in->strings_seen + 1;
	}
	return string_slot(p, in, bytes, len);
}

static uint32_t *function_put(struct profile_intern *in, const struct profile_function *f,
			      bool *added)
{
	struct intern_function_key key = {
		.name = f->name,
		.system_name = f->system_name,
		.filename = f->filename,
		.start_line = f->start_line,
	};

	return map_put(&in->functions, &key, added);
}

uint32_t *intern_function_slot(struct profile *p, struct profile_intern *in,
			       const struct profile_function *f, bool *added)
{
	for (; in->functions_seen < p->functions.len; in->functions_seen++) {
		uint32_t *slot = function_put(in, &p->functions.items[in->functions_seen], added);
		if (!slot)
			return NULL;
		if (*added)
			*slot = (uint32_t)in->functions_seen;
	}
	return function_put(in, f, added);
}

static uint32_t *location_put(struct profile_intern *in, uint32_t mapping, uint64_t address,
			      bool *added)
{
	struct intern_location_key key = { .address = address, .mapping = mapping };

	return map_put(&in->locations, &key, added);
}

uint32_t *intern_location_slot(struct profile *p, struct profile_intern *in, uint32_t mapping,
			       uint64_t address, bool *added)
{
	for (; in->locations_seen < p->locations.len; in->locations_seen++) {
		const struct profile_location *l = &p->locations.items[in->locations_seen];
		uint32_t *slot = location_put(in, l->mapping, l->address, added);
		if (!slot)
			return NULL;
		if (*added)
			*slot = (uint32_t)in->locations_seen;
	}
	return location_put(in, mapping, address, added);
}

int profile_append_string(struct profile *p, const char *bytes, size_t len)
{
	if (len >= UINT32_MAX || p->strings.len >= UINT32_MAX - 1 ||
	    vec_grow((void **)&p->bytes, &p->bytes_cap, p->bytes_len + len + 1, 1) < 0)
		return -ENOMEM;
	struct profile_string s = { .start = p->bytes_len, .len = (uint32_t)len };
	if (vec_push(&p->strings, s) < 0)
		return -ENOMEM;
	if (len)
		memcpy(p->bytes + p->bytes_len, bytes, len);
	p->bytes[p->bytes_len + len] = '\0';
	p->bytes_len += len + 1;
	return 0;
}
