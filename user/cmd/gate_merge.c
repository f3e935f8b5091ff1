// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/gate_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmd/report_named.h"
#include "profile/build.h"
#include "profile/decode.h"
#include "profile/edit.h"
#include "profile/encode.h"

static bool has_type(const struct profile *p, const char *name)
{
	vec_for_each(type, &p->sample_types)
		if (strcmp(profile_str(p, type->type), name) == 0)
			return true;
	return false;
}

const char *gate_merge_kind(const struct profile *p)
{
	static const struct {
		const char *type, *kind;
	} kinds[] = {
		{ "cpu", "cpu" },
		{ "alloc_space", "heap" },
		{ "inuse_space", "heap" },
		{ "delay", "delay" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (has_type(p, kinds[i].type))
			return kinds[i].kind;
	return p->sample_types.len
		       ? profile_str(p, p->sample_types.items[p->sample_types.len - 1].type)
		       : "";
}

void gate_merge_deinit(struct gate_merge *m)
{
	vec_for_each(merged, &m->kinds) {
		for (int side = 0; side < GATE_SIDES; side++) {
			profile_merger_destroy(merged->mergers[side]);
			profile_destroy(merged->profiles[side]);
		}
		free(merged->kind);
	}
	vec_deinit(&m->kinds);
}

static struct gate_merged *merged_of(struct gate_merge *m, const char *kind)
{
	struct gate_merged merged = { 0 };

	vec_for_each(known, &m->kinds)
		if (strcmp(known->kind, kind) == 0)
			return known;
	merged.kind = strdup(kind);
	for (int side = 0; side < GATE_SIDES; side++)
		merged.mergers[side] = profile_merger_create();
	if (merged.kind && merged.mergers[GATE_BASE] && merged.mergers[GATE_NEW] &&
	    vec_push(&m->kinds, merged) == 0)
		return &m->kinds.items[m->kinds.len - 1];
	for (int side = 0; side < GATE_SIDES; side++)
		profile_merger_destroy(merged.mergers[side]);
	free(merged.kind);
	return NULL;
}

int gate_merge_add(struct gate_merge *m, enum gate_side side, struct profile *p, double work,
		   struct err *e)
{
	struct gate_merged *merged = merged_of(m, gate_merge_kind(p));

	if (!merged) {
		profile_destroy(p);
		return err_set(e, -ENOMEM, "cannot merge the profiles");
	}
	merged->work[side] += work > 0 ? work : 1;
	return profile_merger_add(merged->mergers[side], p, e);
}

int gate_merge_finish(struct gate_merge *m, struct err *e)
{
	vec_for_each(merged, &m->kinds) {
		for (int side = 0; side < GATE_SIDES; side++) {
			if (merged->work[side] <= 0)
				continue;
			int rc = profile_merger_finish(merged->mergers[side],
						       &merged->profiles[side], e);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

int gate_merge_copy(const struct profile *p, struct profile **ret, struct err *e)
{
	_cleanup_(buf_deinit) struct buf bytes = { 0 };
	int rc = profile_encode_raw(p, &bytes, e);

	return rc < 0 ? rc : profile_decode(bytes.data, bytes.len, ret, e);
}

/* The new side's values for the base's work. */
static int scale(struct profile *p, double ratio, struct err *e)
{
	_cleanup_free_ double *ratios = calloc(p->sample_types.len, sizeof(*ratios));

	if (!ratios)
		return err_set(e, -ENOMEM, "cannot draw the difference");
	for (size_t i = 0; i < p->sample_types.len; i++)
		ratios[i] = ratio;
	profile_scale(p, ratios);
	return 0;
}

static int draw(const struct gate_merged *merged, const char *metric, struct buf *svg,
		struct err *e)
{
	_cleanup_profile_ struct profile *base = NULL, *new = NULL, *difference = NULL;
	int rc = gate_merge_copy(merged->profiles[GATE_BASE], &base, e);

	if (rc == 0)
		rc = gate_merge_copy(merged->profiles[GATE_NEW], &new, e);
	if (rc == 0)
		rc = scale(new, merged->work[GATE_BASE] / merged->work[GATE_NEW], e);
	if (rc == 0)
		rc = profile_subtract(steal(new), steal(base), true, &difference, e);
	if (rc < 0)
		return rc;
	profile_set_default_sample_type(difference, metric);
	if (profile_build_error(difference) < 0)
		return err_set(e, -ENOMEM, "cannot draw the difference");
	return report_named(difference, "difference.svg", svg, e);
}

int gate_merge_draw(const struct gate_merge *m, const char *metric, struct buf *svg, struct err *e)
{
	vec_for_each(merged, &m->kinds) {
		if (merged->profiles[GATE_BASE] && merged->profiles[GATE_NEW] &&
		    has_type(merged->profiles[GATE_BASE], metric) &&
		    has_type(merged->profiles[GATE_NEW], metric))
			return draw(merged, metric, svg, e);
	}
	return err_plain(e, -ENOENT, "there is no difference of '%s' to draw", metric);
}
