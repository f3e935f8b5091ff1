// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Every report, with options chosen by the first bytes, of any profile. */
#include <stdlib.h>

#include "base/buf.h"
#include "profile/decode.h"
#include "report/flame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int print_flame(struct report *r, FILE *out, struct err *e)
{
	struct flame_options o = { .inverted = r->options.cum_sort };

	return flame_print_svg(r, &o, out, e);
}

static int print_flame_text(struct report *r, FILE *out, struct err *e)
{
	struct flame_options o = { .colors = r->options.cum_sort, .columns = 37 };

	return flame_print_text(r, &o, out, e);
}

static const struct {
	enum report_kind kind;
	int (*print)(struct report *r, FILE *out, struct err *e);
} reports[] = {
	{ REPORT_TEXT, report_print_text },
	{ REPORT_TREE, report_print_tree },
	{ REPORT_PEEK, report_print_tree },
	{ REPORT_LIST, report_print_list },
	{ REPORT_TRACES, report_print_traces },
	{ REPORT_RAW, report_print_raw },
	{ REPORT_TAGS, report_print_tags },
	{ REPORT_COMMENTS, report_print_comments },
	{ REPORT_DOT, report_print_dot },
	{ REPORT_CALLGRIND, report_print_callgrind },
	{ REPORT_PROTO, report_print_proto },
	{ REPORT_TOPPROTO, report_print_topproto },
	{ REPORT_FLAME, report_print_collapsed },
	{ REPORT_FLAME, report_print_speedscope },
	{ REPORT_FLAME, print_flame },
	{ REPORT_FLAME, print_flame_text },
};

/* A bit for each option that is a flag, and a pattern for those that take one. */
static struct report_options choose_options(uint8_t flags, uint8_t more, uint8_t granularity)
{
	static const char *const patterns[] = { NULL, "a", "^main$", "[b-m]|x", "." };
	struct report_options o = REPORT_OPTIONS_DEFAULT;
	const char *pattern = patterns[more % 5];

	o.cum_sort = flags & 1;
	o.mean = flags & 2;
	o.call_tree = flags & 4;
	o.drop_negative = flags & 8;
	o.no_inlines = flags & 16;
	o.show_columns = flags & 32;
	o.relative_percentages = flags & 64;
	o.no_trim = flags & 128;
	o.node_count = more % 7 ? -1 : 3;
	o.divide_by = more % 11 ? 1 : 3;
	o.unit = more % 3 ? "minimum" : "auto";
	o.granularity = (enum report_granularity)(granularity % (GRANULARITY_ADDRESSES + 1));
	o.symbol = pattern;
	*(granularity & 64 ? &o.focus : granularity & 32 ? &o.hide : &o.show_from) = pattern;
	o.tag_focus = granularity & 128 ? "bytes=1:" : NULL;
	o.tag_root = granularity & 16 ? "thread,bytes" : NULL;
	o.prune_from = granularity & 8 ? pattern : NULL;
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { HEAD = 4 };
	struct profile *p = NULL;
	struct report r;
	struct buf notes = { 0 };
	struct err e = { 0 };

	if (size < HEAD || profile_decode(data + HEAD, size - HEAD, &p, &e) < 0)
		return 0;
	size_t which = data[0] % (sizeof(reports) / sizeof(reports[0]));
	struct report_options o = choose_options(data[1], data[2], data[3]);
	FILE *out = fopen("/dev/null", "w");
	if (out && report_init(&r, p, &o, reports[which].kind, &notes, &e) == 0) {
		reports[which].print(&r, out, &e);
		report_deinit(&r);
	}
	if (out)
		fclose(out);
	buf_deinit(&notes);
	profile_destroy(p);
	return 0;
}
