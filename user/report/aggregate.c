// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/aggregate.h"

/* What remains of a frame. */
struct keep {
	bool function, filename, line, address;
};

static const struct keep keeps[] = {
	[GRANULARITY_DEFAULT] = { .function = true },
	[GRANULARITY_FUNCTIONS] = { .function = true },
	[GRANULARITY_FILEFUNCTIONS] = { .function = true, .filename = true },
	[GRANULARITY_FILES] = { .filename = true },
	[GRANULARITY_LINES] = { .function = true, .filename = true, .line = true },
	[GRANULARITY_ADDRESSES] = { true, true, true, true },
};

static void aggregate_location(struct profile *p, struct profile_location *l,
			       const struct report_options *o, const struct keep *keep)
{
	if (o->no_inlines && l->line_count > 1) {
		l->line_start += l->line_count - 1;
		l->line_count = 1;
	}
	for (size_t i = 0; i < l->line_count; i++) {
		struct profile_line *line = &p->lines.items[l->line_start + i];
		if (!keep->line)
			line->line = 0;
		if (!keep->line || !o->show_columns)
			line->column = 0;
	}
	if (!keep->address)
		l->address = 0;
}

void aggregate(struct profile *p, const struct report_options *o)
{
	const struct keep *keep = &keeps[o->granularity];

	if (o->granularity == GRANULARITY_ADDRESSES && !o->no_inlines)
		return;
	vec_for_each(m, &p->mappings) {
		m->has_inline_frames &= !o->no_inlines;
		m->has_functions &= keep->function;
		m->has_filenames &= keep->filename;
		m->has_line_numbers &= keep->line;
	}
	vec_for_each(f, &p->functions) {
		if (!keep->function)
			f->name = f->system_name = 0;
		if (!keep->filename)
			f->filename = 0;
	}
	vec_for_each(l, &p->locations)
		aggregate_location(p, l, o, keep);
}
