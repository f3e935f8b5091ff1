// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* For speedscope.app: its file format, "sampled" profiles (speedscope.app/file-format-schema.json).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/json.h"
#include "report/path.h"
#include "report/stack.h"

/* The units that speedscope knows. */
static const char *speedscope_unit(const char *unit)
{
	static const char *const known[] = { "nanoseconds", "microseconds", "milliseconds",
					     "seconds", "bytes" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(unit, known[i]) == 0)
			return known[i];
	}
	return "none";
}

static void put_frames(struct graph *g, FILE *out)
{
	fputs("\"shared\":{\"frames\":[", out);
	for (uint32_t i = 0; i < g->nodes.len; i++) {
		const struct graph_info *info = &g->nodes.items[i].info;
		fputs(i ? ",\n{\"name\":" : "\n{\"name\":", out);
		json_string(graph_name(g, i), out);
		if (info->file) {
			fputs(",\"file\":", out);
			json_string(profile_str(g->profile, info->file), out);
		}
		if (info->line)
			fprintf(out, ",\"line\":%" PRId64, info->line);
		putc('}', out);
	}
	fputs("]},\n", out);
}

static void put_samples(const struct report *r, struct graph *g, FILE *out)
{
	bool first = true;

	fputs("\"samples\":[", out);
	for (size_t i = 0; i < r->profile->sample_count; i++) {
		struct stack_walk w = stack_walk_init(g, i);
		const char *separator = "";
		/* Speedscope has no negative weights. */
		if (report_value(r, i) <= 0)
			continue;
		fputs(first ? "\n[" : ",\n[", out);
		first = false;
		for (; stack_walk_next(&w); separator = ",")
			fprintf(out, "%s%u", separator, w.node);
		putc(']', out);
	}
	fputs("],\n\"weights\":[", out);
	first = true;
	for (size_t i = 0; i < r->profile->sample_count; i++) {
		if (report_value(r, i) <= 0)
			continue;
		fprintf(out, "%s%" PRId64, first ? "" : ",", report_value(r, i));
		first = false;
	}
	fputs("]\n", out);
}

static int64_t positive_total(const struct report *r)
{
	uint64_t total = 0;

	for (size_t i = 0; i < r->profile->sample_count; i++)
		total += report_value(r, i) > 0 ? (uint64_t)report_value(r, i) : 0;
	return (int64_t)total;
}

int report_print_speedscope(struct report *r, FILE *out, struct err *e)
{
	const struct profile *p = r->profile;
	_cleanup_(graph_deinit) struct graph g = { 0 };
	int rc = graph_init(&g, r, e);
	if (rc < 0)
		return rc;
	const char *file = p->mappings.len ? profile_str(p, p->mappings.items[0].filename) : "";
	_cleanup_free_ char *name = path_base(file[0] ? file : "profile");
	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
	      "\"exporter\":\"cprofbpf " CPROFBPF_VERSION "\",\n",
	      out);
	put_frames(&g, out);
	fputs("\"profiles\":[{\"type\":\"sampled\",\"name\":", out);
	json_string(name ? name : "profile", out);
	fprintf(out, ",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%" PRId64 ",\n",
		speedscope_unit(r->sample_unit), positive_total(r));
	put_samples(r, &g, out);
	fputs("}]}\n", out);
	return 0;
}
