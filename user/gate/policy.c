// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/policy.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gate/policy_impl.h"
#include "report/regex.h"

static const struct policy_key keys[] = {
	{ "alpha", POLICY_NUMBER, offsetof(struct gate_policy, alpha), 1e-9, 0.5 },
	{ "total_floor", POLICY_PERCENT, offsetof(struct gate_policy, floors.total), 0, 10 },
	{ "relative_floor", POLICY_PERCENT, offsetof(struct gate_policy, floors.relative), 0, 10 },
	{ "absolute_floor", POLICY_PERCENT, offsetof(struct gate_policy, floors.absolute), 0, 10 },
	{ "min_share", POLICY_PERCENT, offsetof(struct gate_policy, min_share), 0.0001, 0.5 },
	{ "resolution", POLICY_PERCENT, offsetof(struct gate_policy, resolution), 0.0001, 10 },
	{ "min_samples", POLICY_NUMBER, offsetof(struct gate_policy, min_samples), 0, 1e12 },
	{ "strict", POLICY_BOOL, offsetof(struct gate_policy, strict), 0, 1 },
	{ "seed", POLICY_INTEGER, offsetof(struct gate_policy, seed), 0, 0x1p64 },
};

static const struct policy_key floor_keys[] = {
	{ "total_floor", POLICY_PERCENT, offsetof(struct gate_floors, total), 0, 10 },
	{ "relative_floor", POLICY_PERCENT, offsetof(struct gate_floors, relative), 0, 10 },
	{ "absolute_floor", POLICY_PERCENT, offsetof(struct gate_floors, absolute), 0, 10 },
};

static const struct policy_key *find(const struct policy_key *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

const struct policy_key *policy_key_find(const char *name)
{
	return find(keys, ARRAY_SIZE(keys), name);
}

const struct policy_key *policy_floor_find(const char *name)
{
	return find(floor_keys, ARRAY_SIZE(floor_keys), name);
}

/* A decimal number without sign; *end is what follows it. */
static double parse_number(const char *text, const char **end)
{
	size_t decimal = strspn(text, "0123456789.eE+-");
	char *after;
	double v = strtod(text, &after);

	/* What strtod() takes beside decimal numbers: " 1", "-1", "inf", "0x1p3". */
	if (!isdigit((unsigned char)*text) || (size_t)(after - text) > decimal)
		v = NAN;
	*end = after;
	return v;
}

static int store_percent(const struct policy_key *key, double *to, const char *text, struct err *e)
{
	const char *end;
	double v = parse_number(text, &end) / 100;

	if (strcmp(end, "%") != 0 || isnan(v))
		return err_plain(e, -EINVAL, "'%s' of %s is no percentage: write it as \"5%%\"",
				 text, key->name);
	if (v < key->low || v > key->high)
		return err_plain(e, -EINVAL, "%s is '%s': it must be from %g%% to %g%%", key->name,
				 text, key->low * 100, key->high * 100);
	*to = v;
	return 0;
}

static int store_number(const struct policy_key *key, double *to, const char *text, struct err *e)
{
	const char *end;
	double v = parse_number(text, &end);

	if (*end || isnan(v))
		return err_plain(e, -EINVAL, "'%s' of %s is no number", text, key->name);
	if (v < key->low || v > key->high)
		return err_plain(e, -EINVAL, "%s is '%s': it must be from %g to %g", key->name,
				 text, key->low, key->high);
	*to = v;
	return 0;
}

static int store_integer(const struct policy_key *key, uint64_t *to, const char *text,
			 struct err *e)
{
	char *end;

	errno = 0;
	uint64_t v = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end)
		return err_plain(e, -EINVAL, "'%s' of %s is no whole number", text, key->name);
	/* JSON's numbers are signed. */
	if (errno || v > INT64_MAX)
		return err_plain(e, -EINVAL, "%s is '%s': it must be at most %" PRId64, key->name,
				 text, INT64_MAX);
	*to = v;
	return 0;
}

static int store_bool(const struct policy_key *key, bool *to, const char *text, struct err *e)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return err_plain(e, -EINVAL, "'%s' of %s is neither true nor false", text,
				 key->name);
	*to = text[0] == 't';
	return 0;
}

int policy_key_store(const struct policy_key *key, void *base, const char *text, struct err *e)
{
	void *to = (char *)base + key->offset;

	switch (key->kind) {
	case POLICY_PERCENT:
		return store_percent(key, to, text, e);
	case POLICY_NUMBER:
		return store_number(key, to, text, e);
	case POLICY_INTEGER:
		return store_integer(key, to, text, e);
	case POLICY_BOOL:
		return store_bool(key, to, text, e);
	}
	return -EINVAL;
}

void gate_policy_init(struct gate_policy *p)
{
	*p = (struct gate_policy){
		.alpha = 0.002,
		.floors = { .total = 0.01, .relative = 0.05, .absolute = 0.01 },
		.min_share = 0.01,
		.resolution = 0.1,
		.min_samples = 100,
		.seed = 1,
	};
}

void gate_policy_deinit(struct gate_policy *p)
{
	vec_for_each(m, &p->metrics)
		free(m->name);
	vec_deinit(&p->metrics);
	vec_for_each(f, &p->functions)
		regex_destroy(f->pattern);
	vec_deinit(&p->functions);
	vec_for_each(r, &p->ignore)
		regex_destroy(*r);
	vec_deinit(&p->ignore);
}

struct gate_metric_policy *policy_metric(struct gate_policy *p, const char *name)
{
	vec_for_each(m, &p->metrics)
		if (strcmp(m->name, name) == 0)
			return m;
	struct gate_metric_policy added = { .name = strdup(name), .floors = { NAN, NAN, NAN } };
	if (!added.name || vec_push(&p->metrics, added) < 0) {
		free(added.name);
		return NULL;
	}
	return &p->metrics.items[p->metrics.len - 1];
}

/* What the rest of the program may do with an empty pattern is no choice here. */
static int compile(const char *pattern, const char *what, struct regex **ret, struct err *e)
{
	if (!*pattern)
		return err_plain(e, -EINVAL, "an empty pattern in %s", what);
	return regex_create(pattern, what, ret, e);
}

int policy_function_add(struct gate_policy *p, size_t at, const char *pattern,
			struct gate_floors floors, struct err *e)
{
	struct gate_function_policy added = { .floors = floors };
	int rc = compile(pattern, "functions", &added.pattern, e);
	if (rc < 0)
		return rc;
	if (vec_push(&p->functions, added) < 0) {
		regex_destroy(added.pattern);
		return err_set(e, -ENOMEM, "cannot keep the policy");
	}
	struct gate_function_policy *items = p->functions.items;
	memmove(items + at + 1, items + at, (p->functions.len - 1 - at) * sizeof(*items));
	items[at] = added;
	return 0;
}

int policy_ignore_add(struct gate_policy *p, const char *pattern, struct err *e)
{
	struct regex *r;
	int rc = compile(pattern, "ignore", &r, e);
	if (rc < 0)
		return rc;
	if (vec_push(&p->ignore, r) < 0) {
		regex_destroy(r);
		return err_set(e, -ENOMEM, "cannot keep the policy");
	}
	return 0;
}

/* ---- Options ---- */

/* "NAME" or "NAME=2%" */
static int set_metric(struct gate_policy *p, char *text, struct err *e)
{
	char *floor = strchr(text, '=');

	if (floor)
		*floor++ = '\0';
	if (!*text)
		return err_plain(e, -EINVAL, "a metric without a name");
	struct gate_metric_policy *m = policy_metric(p, text);
	if (!m)
		return err_set(e, -ENOMEM, "cannot keep the policy");
	m->judged = true;
	return floor ? policy_key_store(&floor_keys[0], &m->floors, floor, e) : 0;
}

static int set_metrics(struct gate_policy *p, const char *value, struct err *e)
{
	_cleanup_free_ char *list = strdup(value);
	if (!list)
		return err_set(e, -ENOMEM, "cannot keep the policy");
	vec_for_each(m, &p->metrics)
		m->judged = false;
	int rc = 0;
	for (char *rest = list, *name; rc == 0 && (name = strsep(&rest, ","));)
		rc = set_metric(p, name, e);
	return rc;
}

static int set_function(struct gate_policy *p, const char *value, struct err *e)
{
	_cleanup_free_ char *pattern = strdup(value);
	struct gate_floors floors = { NAN, NAN, 0 };

	if (!pattern)
		return err_set(e, -ENOMEM, "cannot keep the policy");
	char *floor = strrchr(pattern, '=');
	if (!floor)
		return err_plain(e, -EINVAL, "'%s' has no floor: write PATTERN=2%%", value);
	*floor++ = '\0';
	int rc = policy_key_store(&floor_keys[1], &floors, floor, e);
	return rc < 0 ? rc : policy_function_add(p, 0, pattern, floors, e);
}

int gate_policy_set(struct gate_policy *p, const char *key, const char *value, struct err *e)
{
	const struct policy_key *k = policy_key_find(key);

	if (k)
		return policy_key_store(k, p, value, e);
	if (strcmp(key, "metrics") == 0)
		return set_metrics(p, value, e);
	if (strcmp(key, "functions") == 0)
		return set_function(p, value, e);
	if (strcmp(key, "ignore") == 0)
		return policy_ignore_add(p, value, e);
	return err_plain(e, -EINVAL, "unknown key '%s'", key);
}

/* ---- Asking ---- */

static double floor_or(double own, double other)
{
	return isnan(own) ? other : own;
}

struct gate_floors gate_policy_metric_floors(const struct gate_policy *p, const char *metric)
{
	struct gate_floors f = p->floors;

	vec_for_each(m, &p->metrics) {
		if (strcmp(m->name, metric) != 0)
			continue;
		f.total = floor_or(m->floors.total, f.total);
		f.relative = floor_or(m->floors.relative, f.relative);
		f.absolute = floor_or(m->floors.absolute, f.absolute);
	}
	return f;
}

struct gate_floors gate_policy_function_floors(const struct gate_policy *p, const char *metric,
					       const char *function, bool *own)
{
	struct gate_floors f = gate_policy_metric_floors(p, metric);

	if (own)
		*own = false;
	vec_for_each(rule, &p->functions) {
		if (!regex_matches(rule->pattern, function, strlen(function)))
			continue;
		if (own)
			*own = true;
		f.relative = floor_or(rule->floors.relative, f.relative);
		f.absolute = floor_or(rule->floors.absolute, f.absolute);
		break;
	}
	return f;
}

bool gate_policy_ignores(const struct gate_policy *p, const char *function)
{
	vec_for_each(r, &p->ignore)
		if (regex_matches(*r, function, strlen(function)))
			return true;
	return false;
}
