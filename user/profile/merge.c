// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/build.h"
#include "profile/edit.h"
#include "profile/merge_table.h"
#include "profile/unit.h"
#include "profile/value.h"

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "cannot merge the profiles");
}

static const char *type_name(const struct profile *p, size_t i)
{
	return profile_str(p, p->sample_types.items[i].type);
}

/* How often a type occurs in all profiles together. */
static size_t count_type(struct profile *const *profiles, size_t count, const char *name)
{
	size_t found = 0;

	for (size_t k = 0; k < count; k++) {
		for (size_t i = 0; i < profiles[k]->sample_types.len; i++)
			found += strcmp(type_name(profiles[k], i), name) == 0;
	}
	return found;
}

static size_t find_type(const struct profile *p, const char *name)
{
	size_t i = 0;

	while (i < p->sample_types.len && strcmp(type_name(p, i), name) != 0)
		i++;
	return i;
}

/* Keep the types `names`, in their order. */
static int choose_types(struct profile *p, const char *const *names, size_t count)
{
	size_t old_count = p->sample_types.len;
	_cleanup_free_ size_t *from = calloc(count + 1, sizeof(*from));
	_cleanup_free_ struct profile_value_type *types = calloc(count + 1, sizeof(*types));
	_cleanup_free_ int64_t *values = calloc(count + 1, sizeof(*values));
	bool same = count == old_count, keeps_default = false;

	if (!from || !types || !values)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		from[i] = find_type(p, names[i]);
		types[i] = p->sample_types.items[from[i]];
		same &= from[i] == i;
		keeps_default |= strcmp(names[i], profile_str(p, p->default_sample_type)) == 0;
	}
	if (same)
		return 0;
	for (size_t k = 0; k < p->sample_count; k++) {
		for (size_t i = 0; i < count; i++)
			values[i] = p->values.items[k * old_count + from[i]];
		memcpy(p->values.items + k * count, values, count * sizeof(*values));
	}
	p->values.len = p->sample_count * count;
	memcpy(p->sample_types.items, types, count * sizeof(*types));
	p->sample_types.len = count;
	if (!keeps_default)
		p->default_sample_type = types[0].type;
	return 0;
}

/* Leave only the types that every profile has once. */
static int make_compatible(struct profile **profiles, size_t count, struct err *e)
{
	vec_of(char *) names = { 0 };
	const struct profile *first = profiles[0];
	int rc = 0;

	for (size_t i = 0; i < first->sample_types.len && rc == 0; i++) {
		if (count_type(profiles, count, type_name(first, i)) != count)
			continue;
		char *name = strdup(type_name(first, i));
		if (!name || vec_push(&names, name) < 0) {
			free(name);
			rc = no_memory(e);
		}
	}
	if (rc == 0 && names.len == 0)
		rc = err_plain(e, -EBADMSG, "profiles have empty common sample type list");
	for (size_t k = 0; k < count && rc == 0; k++) {
		/* Where a profile has a type twice and another lacks it, the sum deceives. */
		for (size_t i = 0; i < names.len && rc == 0; i++) {
			if (find_type(profiles[k], names.items[i]) == profiles[k]->sample_types.len)
				rc = err_plain(e, -EBADMSG,
					       "\"%s\" sample type is not found in profile",
					       names.items[i]);
		}
		if (rc == 0 &&
		    choose_types(profiles[k], (const char *const *)names.items, names.len) < 0)
			rc = no_memory(e);
	}
	vec_for_each(name, &names)
		free(*name);
	vec_deinit(&names);
	return rc;
}

int profile_check_types(struct profile *p, struct err *e)
{
	return make_compatible(&p, 1, e);
}

/* Types match if their names are equal and their units measure the same. */
static int check_match(const struct profile *a, const struct profile_value_type *ta,
		       const struct profile *b, const struct profile_value_type *tb,
		       const char *what, struct err *e)
{
	const char *name_a = profile_str(a, ta->type), *name_b = profile_str(b, tb->type);
	const char *unit_a = profile_str(a, ta->unit), *unit_b = profile_str(b, tb->unit);

	if (strcmp(name_a, name_b) == 0 && unit_compatible(unit_a, unit_b))
		return 0;
	return err_plain(e, -EBADMSG, "%s: incompatible types: '%s/%s' and '%s/%s'", what, name_a,
			 unit_a, name_b, unit_b);
}

static double unit_ratio(const char *from, const char *to)
{
	const char *unit;

	return unit_scale(1, from, to, &unit);
}

/* The finest unit among the profiles, and whether they go together. */
static int finest_unit(struct profile **profiles, size_t count,
		       const struct profile_value_type *(*get)(const struct profile *, size_t),
		       size_t index, const char *what, char **ret, struct err *e)
{
	const struct profile *finest = profiles[0];

	for (size_t k = 1; k < count; k++) {
		const struct profile_value_type *t = get(profiles[k], index);
		const struct profile_value_type *f = get(finest, index);
		int rc = check_match(finest, f, profiles[k], t, what, e);
		if (rc < 0)
			return rc;
		if (unit_ratio(profile_str(profiles[k], t->unit), profile_str(finest, f->unit)) < 1)
			finest = profiles[k];
	}
	*ret = strdup(profile_str(finest, get(finest, index)->unit));
	return *ret ? 0 : no_memory(e);
}

static const struct profile_value_type *get_sample_type(const struct profile *p, size_t index)
{
	return &p->sample_types.items[index];
}

static const struct profile_value_type *get_period_type(const struct profile *p, size_t index)
{
	(void)index;
	return &p->period_type;
}

static int scale_periods(struct profile **profiles, size_t count, struct err *e)
{
	_cleanup_free_ char *unit = NULL;
	int rc = finest_unit(profiles, count, get_period_type, 0, "period type", &unit, e);
	for (size_t k = 0; k < count && rc == 0; k++) {
		struct profile *p = profiles[k];
		const char *ignored;
		p->period = unit_truncate(
			unit_scale(p->period, profile_str(p, p->period_type.unit), unit, &ignored));
		p->period_type.unit = profile_intern_cstr(p, unit);
		rc = profile_build_error(p) < 0 ? no_memory(e) : 0;
	}
	return rc;
}

/* Give sample type `i` the finest of its units; the ratios of profile k are at ratios + k * types.
 */
static int choose_unit(struct profile **profiles, size_t count, size_t i, double *ratios,
		       struct err *e)
{
	size_t types = profiles[0]->sample_types.len;
	_cleanup_free_ char *unit = NULL;
	int rc = finest_unit(profiles, count, get_sample_type, i, "sample types", &unit, e);

	for (size_t k = 0; k < count && rc == 0; k++) {
		struct profile *p = profiles[k];
		struct profile_value_type *vt = &p->sample_types.items[i];
		ratios[k * types + i] = unit_ratio(profile_str(p, vt->unit), unit);
		vt->unit = profile_intern_cstr(p, unit);
		rc = profile_build_error(p) < 0 ? no_memory(e) : 0;
	}
	return rc;
}

static int scale_units(struct profile **profiles, size_t count, struct err *e)
{
	size_t types = profiles[0]->sample_types.len;
	_cleanup_free_ double *ratios = calloc(count * types, sizeof(*ratios));
	int rc = ratios ? scale_periods(profiles, count, e) : no_memory(e);

	for (size_t i = 0; i < types && rc == 0; i++)
		rc = choose_unit(profiles, count, i, ratios, e);
	/* All at once: a sample goes if all that is scaled of it is zero. */
	for (size_t k = 0; k < count && rc == 0; k++)
		profile_scale(profiles[k], ratios + k * types);
	return rc;
}

/* Take over what there is once in a profile. */
static void merge_header(struct profile *out, const struct profile *p, bool first)
{
	if (first) {
		for (size_t i = 0; i < p->sample_types.len; i++)
			profile_add_sample_type(out, type_name(p, i),
						profile_str(p, p->sample_types.items[i].unit));
		out->drop_frames = profile_intern_cstr(out, profile_str(p, p->drop_frames));
		out->keep_frames = profile_intern_cstr(out, profile_str(p, p->keep_frames));
		profile_set_period(out, profile_str(p, p->period_type.type),
				   profile_str(p, p->period_type.unit), p->period);
	}
	if (out->time_nanos == 0 || p->time_nanos < out->time_nanos)
		out->time_nanos = p->time_nanos;
	out->duration_nanos =
		(int64_t)((uint64_t)out->duration_nanos + (uint64_t)p->duration_nanos);
	if (out->period == 0 || out->period < p->period)
		out->period = p->period;
	vec_for_each(c, &p->comments) {
		uint32_t text = profile_intern_cstr(out, profile_str(p, *c));
		bool seen = false;
		for (size_t i = 0; i < out->comments.len; i++)
			seen |= out->comments.items[i] == text;
		if (!seen && vec_push(&out->comments, text) < 0)
			out->build_error = -ENOMEM;
	}
	if (!out->default_sample_type)
		profile_set_default_sample_type(out, profile_str(p, p->default_sample_type));
	if (!out->doc_url)
		profile_set_doc_url(out, profile_str(p, p->doc_url));
}

static bool has_zero_sample(const struct profile *p)
{
	for (size_t i = 0; i < p->sample_count; i++) {
		if (merge_is_zero(p, i))
			return true;
	}
	return false;
}

static int merge_compatible(struct profile **profiles, size_t count, struct profile **ret,
			    struct err *e)
{
	_cleanup_profile_ struct profile *out = profile_create();
	if (!out)
		return no_memory(e);
	_cleanup_(merge_table_deinit) struct merge_table t;
	merge_table_init(&t, out);
	for (size_t k = 0; k < count; k++) {
		merge_header(out, profiles[k], k == 0);
		if (merge_table_add(&t, steal(profiles[k])) < 0 || profile_build_error(out) < 0)
			return no_memory(e);
	}
	*ret = steal(out);
	return 0;
}

int profile_merge(struct profile **profiles, size_t count, struct profile **ret, struct err *e)
{
	struct profile *out = NULL;
	int rc = make_compatible(profiles, count, e);
	if (rc == 0 && count > 1)
		rc = scale_units(profiles, count, e);
	if (rc == 0)
		rc = merge_compatible(profiles, count, &out, e);
	for (size_t k = 0; k < count; k++) {
		profile_destroy(profiles[k]);
		profiles[k] = NULL;
	}
	/* What only samples that cancelled out referred to goes as well. */
	if (rc == 0 && has_zero_sample(out))
		return profile_merge(&out, 1, ret, e);
	if (rc == 0)
		*ret = out;
	return rc;
}

struct profile_merger {
	struct profile *first; /* not added yet: the second may change its types and units */
	struct merge_table table;
	struct profile *out;
	bool started;
	bool failed;
	bool default_is_later; /* not the first profile's */
};

struct profile_merger *profile_merger_create(void)
{
	struct profile_merger *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->out = profile_create();
	if (!m->out) {
		free(m);
		return NULL;
	}
	merge_table_init(&m->table, m->out);
	return m;
}

void profile_merger_destroy(struct profile_merger *m)
{
	if (!m)
		return;
	merge_table_deinit(&m->table);
	profile_destroy(m->first);
	profile_destroy(m->out);
	free(m);
}

static bool same_value_type(const struct profile *a, const struct profile_value_type *ta,
			    const struct profile *b, const struct profile_value_type *tb)
{
	return strcmp(profile_str(a, ta->type), profile_str(b, tb->type)) == 0 &&
	       strcmp(profile_str(a, ta->unit), profile_str(b, tb->unit)) == 0;
}

/* Whether values can be added as they are. */
static bool same_types(const struct profile *a, const struct profile *b)
{
	if (a->sample_types.len != b->sample_types.len ||
	    !same_value_type(a, &a->period_type, b, &b->period_type))
		return false;
	for (size_t i = 0; i < a->sample_types.len; i++) {
		if (!same_value_type(a, &a->sample_types.items[i], b, &b->sample_types.items[i]))
			return false;
	}
	return true;
}

/* Add a profile of the same types and units. */
static int merger_take(struct profile_merger *m, struct profile *p, struct err *e)
{
	bool had_default = m->out->default_sample_type != 0;

	merge_header(m->out, p, !m->started);
	if (m->started && !had_default && m->out->default_sample_type != 0)
		m->default_is_later = true;
	m->started = true;
	if (merge_table_add(&m->table, p) < 0 || profile_build_error(m->out) < 0)
		return no_memory(e);
	return 0;
}

/* The sum's types have changed: begin again with what there is. */
static int merger_restart(struct profile_merger *m, struct err *e)
{
	struct profile *sum = m->out;

	merge_table_deinit(&m->table);
	m->out = profile_create();
	m->started = false;
	merge_table_init(&m->table, m->out);
	if (m->out)
		return merger_take(m, sum, e);
	profile_destroy(sum);
	return no_memory(e);
}

/* Bring the types and units of the sum and of `p` together. */
static int merger_adapt(struct profile_merger *m, struct profile *p, struct err *e)
{
	struct profile *both[] = { m->out, p };
	size_t types = m->out->sample_types.len;
	uint32_t preferred = m->out->default_sample_type;
	struct profile_value_type period_type = m->out->period_type;
	_cleanup_free_ struct profile_value_type *before = calloc(types + 1, sizeof(*before));

	if (!before)
		return no_memory(e);
	memcpy(before, m->out->sample_types.items, types * sizeof(*before));
	/* Where the first profile loses a type, a later one has no say in which is preferred. */
	if (m->default_is_later)
		m->out->default_sample_type = 0;
	int rc = make_compatible(both, 2, e);
	if (rc == 0)
		rc = scale_units(both, 2, e);
	if (rc < 0)
		return rc;
	if (m->out->sample_types.len != types) {
		m->default_is_later = false;
		return merger_restart(m, e);
	}
	m->out->default_sample_type = preferred;
	if (memcmp(before, m->out->sample_types.items, types * sizeof(*before)) == 0 &&
	    memcmp(&period_type, &m->out->period_type, sizeof(period_type)) == 0)
		return 0;
	return merger_restart(m, e);
}

/* Add the first profile, when there is a second or none will be. */
static int merger_take_first(struct profile_merger *m, struct profile *second, struct err *e)
{
	struct profile *both[] = { m->first, second };
	int rc = 0;

	if (second && !same_types(m->first, second)) {
		rc = make_compatible(both, 2, e);
		if (rc == 0)
			rc = scale_units(both, 2, e);
	}
	return rc < 0 ? rc : merger_take(m, steal(m->first), e);
}

int profile_merger_add(struct profile_merger *m, struct profile *p, struct err *e)
{
	int rc = 0;

	if (m->failed)
		rc = err_plain(e, -EINVAL, "an earlier profile could not be merged");
	else if (m->first)
		rc = merger_take_first(m, p, e);
	else if (!m->started)
		rc = make_compatible(&p, 1, e);
	else if (!same_types(m->out, p))
		rc = merger_adapt(m, p, e);
	if (rc < 0)
		profile_destroy(p);
	else if (m->started)
		rc = merger_take(m, p, e);
	else
		m->first = p;
	m->failed |= rc < 0;
	return rc;
}

int profile_merger_finish(struct profile_merger *m, struct profile **ret, struct err *e)
{
	if (m->failed)
		return err_plain(e, -EINVAL, "an earlier profile could not be merged");
	int rc = m->first ? merger_take_first(m, NULL, e) : 0;
	if (rc < 0)
		return rc;
	struct profile *out = steal(m->out);
	/* What only samples that cancelled out referred to goes as well. */
	if (has_zero_sample(out))
		return profile_merge(&out, 1, ret, e);
	*ret = out;
	return 0;
}

static void sum_values(const struct profile *p, uint64_t *sums)
{
	size_t types = p->sample_types.len;

	for (size_t i = 0; i < p->values.len; i++)
		sums[i % types] += (uint64_t)p->values.items[i];
}

int profile_normalize(struct profile *p, const struct profile *base, struct err *e)
{
	size_t types = p->sample_types.len;
	_cleanup_free_ uint64_t *sums = calloc(types + 1, sizeof(*sums));
	_cleanup_free_ uint64_t *base_sums = calloc(types + 1, sizeof(*base_sums));
	_cleanup_free_ double *ratios = calloc(types + 1, sizeof(*ratios));

	if (!sums || !base_sums || !ratios)
		return no_memory(e);
	/* Units too: pprof brings them together only later. */
	if (!same_types(p, base))
		return err_plain(e, -EBADMSG,
				 "cannot normalize: the profile and its base have different types "
				 "or units");
	sum_values(p, sums);
	sum_values(base, base_sums);
	for (size_t i = 0; i < types; i++)
		ratios[i] = sums[i] ? (double)(int64_t)base_sums[i] / (double)(int64_t)sums[i] : 0;
	profile_scale(p, ratios);
	return 0;
}

int profile_subtract(struct profile *p, struct profile *base, bool mark, struct profile **ret,
		     struct err *e)
{
	struct profile *both[] = { p, base };
	size_t types = base->sample_types.len;
	_cleanup_free_ double *ratios = malloc((types + 1) * sizeof(*ratios));
	int rc = ratios ? 0 : -ENOMEM;

	for (size_t i = 0; i < types && rc == 0; i++)
		ratios[i] = -1;
	if (rc == 0 && mark)
		rc = profile_label_all(base, PROFILE_BASE_LABEL, "true");
	if (rc < 0) {
		profile_destroy(p);
		profile_destroy(base);
		return no_memory(e);
	}
	profile_scale(base, ratios);
	return profile_merge(both, 2, ret, e);
}
