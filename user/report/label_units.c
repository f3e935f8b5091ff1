// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/build.h"
#include "report/filter.h"

static struct label_unit *find_key(const struct label_units *u, uint32_t key)
{
	for (size_t i = 0; i < u->keys.len; i++) {
		if (u->keys.items[i].key == key)
			return &u->keys.items[i];
	}
	return NULL;
}

static uint32_t guess_unit(struct profile *p, uint32_t key)
{
	const char *name = profile_str(p, key);

	if (strcmp(name, "alignment") == 0 || strcmp(name, "request") == 0)
		return profile_intern_cstr(p, "bytes");
	return key;
}

static int compare_units(const void *a, const void *b, void *context)
{
	const struct profile *p = context;

	return strcmp(profile_str(p, *(const uint32_t *)a), profile_str(p, *(const uint32_t *)b));
}

/* Say which other units a key had. */
static int note_others(const struct label_unit *u, struct profile *p, struct buf *notes)
{
	vec_of(uint32_t) others = { 0 };
	int rc = 0;

	vec_for_each(l, &p->labels) {
		bool known = l->str || l->key != u->key || !l->unit || l->unit == u->unit;
		for (size_t i = 0; i < others.len && !known; i++)
			known = others.items[i] == l->unit;
		if (!known && (rc = vec_push(&others, l->unit)) < 0)
			break;
	}
	if (others.len > 0) {
		qsort_r(others.items, others.len, sizeof(*others.items), compare_units, p);
		buf_printf(notes, "For tag %s used unit %s, also encountered unit(s) ",
			   profile_str(p, u->key), profile_str(p, u->unit));
		for (size_t i = 0; i < others.len; i++)
			buf_printf(notes, "%s%s", i ? ", " : "", profile_str(p, others.items[i]));
		buf_printf(notes, "\n");
	}
	vec_deinit(&others);
	return rc;
}

int label_units_init(struct label_units *u, struct profile *p, struct buf *notes, struct err *e)
{
	int rc = 0;

	*u = (struct label_units){ 0 };
	vec_for_each(l, &p->labels) {
		if (l->str)
			continue;
		struct label_unit *known = find_key(u, l->key);
		if (known && !known->unit)
			known->unit = l->unit;
		else if (!known)
			rc = vec_push(&u->keys, (struct label_unit){ l->key, l->unit });
		if (rc < 0)
			break;
	}
	vec_for_each(k, &u->keys) {
		if (!k->unit)
			k->unit = guess_unit(p, k->key);
		if (notes && rc == 0)
			rc = note_others(k, p, notes);
	}
	return rc < 0 ? err_set(e, rc, "cannot read the labels") : 0;
}

void label_units_deinit(struct label_units *u)
{
	vec_deinit(&u->keys);
}

const char *label_units_find(const struct label_units *u, const struct profile *p, uint32_t key)
{
	const struct label_unit *found = find_key(u, key);

	return found ? profile_str(p, found->unit) : "";
}
