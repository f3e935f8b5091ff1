// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Every sample with its stack: go tool pprof -traces.
 *
 * The lines of a location are made once; a million stacks are then mostly copying.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "report/graph.h"
#include "report/label_text.h"
#include "report/labels.h"
#include "report/pad.h"

static const char separator[] =
	"-----------+-------------------------------------------------------\n";

enum { VALUE_WIDTH = 10 };

/* The text of location i is bytes[ends[i - 1] .. ends[i]): all its lines, with no value. */
struct frame_texts {
	struct buf bytes;
	vec_of(size_t) ends;
};

static void frame_texts_deinit(struct frame_texts *t)
{
	buf_deinit(&t->bytes);
	vec_deinit(&t->ends);
}

static int frame_texts_init(struct frame_texts *t, struct graph *g)
{
	for (size_t i = 0, k = 0; i < g->frame_ends.len; i++) {
		size_t end = g->frame_ends.items[i];
		for (; k < end; k++)
			buf_printf(&t->bytes, "%*s   %s%s\n", VALUE_WIDTH, "",
				   graph_name(g, g->frames.items[k]),
				   k != end - 1 ? " (inline)" : "");
		if (vec_push(&t->ends, t->bytes.len) < 0)
			return -ENOMEM;
	}
	return t->bytes.error;
}

static void print_stack(const struct report *r, const struct frame_texts *t, size_t sample,
			FILE *out)
{
	int64_t value = report_value(r, sample), divisor = report_divisor(r, sample);
	size_t depth;
	const uint32_t *stack = profile_stack(r->profile, sample, &depth);

	pad_value(r, report_mean(value, divisor), VALUE_WIDTH, out);
	for (size_t i = 0; i < depth; i++) {
		size_t start = stack[i] ? t->ends.items[stack[i] - 1] : 0;
		/* The value stands in the place of the first line's blanks. */
		size_t skip = i == 0 ? VALUE_WIDTH : 0;
		fwrite_unlocked(t->bytes.data + start + skip, 1,
				t->ends.items[stack[i]] - start - skip, out);
	}
}

int report_print_traces(struct report *r, FILE *out, struct err *e)
{
	_cleanup_(graph_deinit) struct graph g = { 0 };
	_cleanup_(frame_texts_deinit) struct frame_texts texts = { 0 };
	_cleanup_(buf_deinit) struct buf header = { 0 };
	int rc = graph_init(&g, r, e);
	if (rc < 0)
		return rc;
	labels_profile(r, &header);
	if (frame_texts_init(&texts, &g) < 0 || header.error)
		return err_set(e, -ENOMEM, "cannot print the traces");
	/* The header may be empty; its line never is. */
	if (header.len == 0)
		putc('\n', out);
	fwrite(header.data, 1, header.len, out);
	for (size_t i = 0; i < r->profile->sample_count; i++) {
		size_t depth;
		profile_stack(r->profile, i, &depth);
		if (depth == 0)
			continue;
		fputs_unlocked(separator, out);
		rc = label_text_lines(r, i, out);
		if (rc < 0)
			return err_set(e, rc, "cannot print the traces");
		print_stack(r, &texts, i, out);
	}
	fputs(separator, out);
	return 0;
}
