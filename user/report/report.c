// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "profile/edit.h"
#include "profile/value.h"
#include "report/aggregate.h"
#include "report/filter.h"
#include "report/regex.h"

void report_format(const struct report *r, int64_t value, char text[UNIT_LABEL_MAX])
{
	double ratio = 1 / r->options.divide_by;

	if (ratio > 0 && ratio != 1)
		value = unit_truncate((double)value * ratio);
	unit_label(text, value, r->sample_unit, r->output_unit);
}

/* Some reports show everything, and some show it finer than by function. */
static void override_options(struct report *r)
{
	struct report_options *o = &r->options;

	switch (r->kind) {
	case REPORT_PEEK:
		o->no_trim = true;
		break;
	case REPORT_LIST:
		o->no_trim = true;
		o->granularity = GRANULARITY_LINES;
		break;
	case REPORT_PROTO:
	case REPORT_RAW:
	case REPORT_CALLGRIND:
		o->no_trim = true;
		o->granularity = GRANULARITY_ADDRESSES;
		break;
	case REPORT_TEXT:
	case REPORT_TOPPROTO:
		if (o->node_count == -1)
			o->node_count = 0;
		break;
	default:
		if (o->node_count == -1)
			o->node_count = 80;
	}
	if (o->no_trim) {
		o->node_count = 0;
		o->node_fraction = 0;
		o->edge_fraction = 0;
	}
}

static int64_t compute_total(const struct report *r)
{
	const struct profile *p = r->profile;
	int64_t total = 0, div = 0, base_total = 0, base_div = 0;

	for (size_t i = 0; i < p->sample_count; i++) {
		int64_t v = report_abs(report_value(r, i)), d = report_divisor(r, i);
		total = report_add(total, v);
		div = report_add(div, d);
		if (profile_is_base(p, i)) {
			base_total = report_add(base_total, v);
			base_div = report_add(base_div, d);
		}
	}
	return base_total > 0 ? report_mean(base_total, base_div) : report_mean(total, div);
}

static int choose_value(struct report *r, struct err *e)
{
	const struct profile *p = r->profile;
	int rc = profile_value_by_name(p, r->options.sample_index, &r->value_index, e);
	if (rc < 0)
		return rc;
	const struct profile_value_type *vt = &p->sample_types.items[r->value_index];
	const char *mean = r->options.mean ? "mean_" : "";
	if (asprintf(&r->sample_type, "%s%s", mean, profile_str(p, vt->type)) < 0)
		r->sample_type = NULL;
	r->sample_unit = strdup(profile_str(p, vt->unit));
	if (!r->sample_type || !r->sample_unit)
		return err_set(e, -ENOMEM, "cannot make the report");
	return 0;
}

/* What does not depend on the options. */
static int prepare_profile(struct report *r, struct err *e)
{
	struct profile *p = r->profile;

	if (profile_unify_strings(p) < 0)
		return err_set(e, -ENOMEM, "cannot make the report");
	if (r->options.all_frames)
		p->drop_frames = p->keep_frames = 0;
	int rc = filter_names(p, e);
	if (rc == 0)
		rc = filter_uninteresting(p, e);
	if (rc < 0)
		return rc;
	r->units = calloc(1, sizeof(*r->units));
	if (!r->units)
		return err_set(e, -ENOMEM, "cannot make the report");
	return label_units_init(r->units, p, r->notes, e);
}

static int apply_filters(struct report *r, struct err *e)
{
	int rc = filter_names_apply(r, e);
	if (rc == 0)
		rc = filter_tags(r, e);
	if (rc == 0)
		rc = filter_prune_from(r, e);
	return rc;
}

/* Only the profile itself shows more than one value. */
static void drop_other_values(struct report *r)
{
	if (r->kind == REPORT_RAW || r->kind == REPORT_PROTO || r->options.mean)
		return;
	profile_keep_value(r->profile, r->value_index);
	r->value_index = 0;
}

static int prepare(struct report *r, struct err *e)
{
	const struct report_options *o = &r->options;

	if (o->divide_by == 0)
		return err_plain(e, -EINVAL, "zero divisor specified");
	int rc = prepare_profile(r, e);
	if (rc == 0)
		rc = filter_tag_frames(r, e);
	/* Shares are of all samples, unless asked to be of those that filters leave. */
	if (rc == 0 && o->relative_percentages)
		rc = apply_filters(r, e);
	if (rc == 0)
		rc = choose_value(r, e);
	if (rc == 0)
		rc = regex_create(o->symbol, "argument", &r->symbol, e);
	if (rc < 0)
		return rc;
	r->total = compute_total(r);
	if (!o->relative_percentages)
		rc = apply_filters(r, e);
	if (rc < 0)
		return rc;
	aggregate(r->profile, o);
	drop_other_values(r);
	return 0;
}

int report_init(struct report *r, struct profile *p, const struct report_options *o,
		enum report_kind kind, struct buf *notes, struct err *e)
{
	*r = (struct report){
		.profile = p,
		.options = *o,
		.kind = kind,
		.output_unit = o->unit,
		.notes = notes,
	};
	override_options(r);
	int rc = prepare(r, e);
	if (rc < 0)
		report_deinit(r);
	return rc;
}

void report_deinit(struct report *r)
{
	if (r->units)
		label_units_deinit(r->units);
	free(r->units);
	regex_destroy(r->symbol);
	r->units = NULL;
	r->symbol = NULL;
	free(r->sample_type);
	free(r->sample_unit);
	r->sample_type = r->sample_unit = NULL;
}
