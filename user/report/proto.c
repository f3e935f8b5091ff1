// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Profiles as reports: what filters left, or the nodes of the top table. */
#include <errno.h>

#include "base/cleanup.h"
#include "profile/build.h"
#include "profile/encode.h"
#include "report/graph.h"
#include "report/labels.h"

static int print_encoded(const struct profile *p, FILE *out, struct err *e)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };
	int rc = profile_encode(p, &b, e);
	if (rc == 0)
		fwrite(b.data, 1, b.len, out);
	return rc;
}

int report_print_proto(struct report *r, FILE *out, struct err *e)
{
	struct profile *p = r->profile;
	double ratio = 1 / r->options.divide_by;

	if (ratio > 0 && ratio != 1) {
		vec_for_each(v, &p->values)
			*v = unit_truncate((double)*v * ratio);
	}
	return print_encoded(p, out, e);
}

static uint32_t copy_string(struct profile *to, const struct profile *from, uint32_t string)
{
	return profile_intern(to, profile_str(from, string), profile_str_len(from, string));
}

static int64_t scaled(const struct report *r, int64_t v)
{
	const char *unit;

	return unit_truncate(unit_scale(v, r->sample_unit, r->output_unit, &unit));
}

/* A location and a sample for each node of the table. */
static void add_node(struct profile *to, const struct report *r, const struct graph *g,
		     uint32_t node)
{
	const struct graph_node *n = &g->nodes.items[node];
	struct profile_function f = {
		.name = copy_string(to, g->profile, n->info.name),
		.filename = copy_string(to, g->profile, n->info.file),
		.start_line = n->info.start_line,
	};
	struct profile_line line = {
		.function = profile_add_function(to, &f),
		.line = n->info.line,
		.column = n->info.column,
	};
	struct profile_location l = {
		.id = to->locations.len + 1,
		.address = n->info.address,
		.mapping = PROFILE_NONE,
	};
	uint32_t location = (uint32_t)to->locations.len;
	int64_t values[] = { scaled(r, graph_cum(n)), scaled(r, graph_flat(n)) };

	/* Not profile_add_location(): nodes may share an address. */
	if (vec_push(&to->locations, l) < 0) {
		to->build_error = -ENOMEM;
		return;
	}
	profile_location_set_lines(to, location, &line, 1);
	profile_add_sample(to, &location, 1, values, NULL, 0);
}

int report_print_topproto(struct report *r, FILE *out, struct err *e)
{
	const struct profile *p = r->profile;
	_cleanup_(graph_deinit) struct graph g = { 0 };
	struct graph_trimmed trimmed;
	int rc = graph_init_trimmed(&g, r, false, &trimmed, e);
	if (rc < 0)
		return rc;
	labels_select_unit(r, &g);
	_cleanup_profile_ struct profile *to = profile_create();
	if (!to)
		return err_set(e, -ENOMEM, "cannot make the profile");
	profile_add_sample_type(to, "cum", r->output_unit);
	profile_add_sample_type(to, "flat", r->output_unit);
	profile_set_period(to, profile_str(p, p->period_type.type),
			   profile_str(p, p->period_type.unit), p->period);
	to->time_nanos = p->time_nanos;
	to->duration_nanos = p->duration_nanos;
	for (size_t i = 0; i < g.order_len; i++)
		add_node(to, r, &g, g.order[i]);
	if (profile_build_error(to) < 0)
		return err_set(e, -ENOMEM, "cannot make the profile");
	return print_encoded(to, out, e);
}
