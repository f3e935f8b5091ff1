// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* All that a profile holds, as text: go tool pprof -raw. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/gotime.h"
#include "report/label_text.h"

static void print_header(const struct report *r, FILE *out)
{
	const struct profile *p = r->profile;
	char text[128];

	vec_for_each(c, &p->comments)
		fprintf(out, "Comment: %s\n", profile_str(p, *c));
	if (p->doc_url)
		fprintf(out, "Doc: %s\n", profile_str(p, p->doc_url));
	fprintf(out, "PeriodType: %s %s\n", profile_str(p, p->period_type.type),
		profile_str(p, p->period_type.unit));
	fprintf(out, "Period: %" PRId64 "\n", p->period);
	if (p->time_nanos != 0) {
		gotime_time(text, sizeof(text), p->time_nanos);
		fprintf(out, "Time: %s\n", text);
	}
	if (p->duration_nanos != 0) {
		/* Four characters of it. */
		gotime_duration(text, sizeof(text), p->duration_nanos);
		size_t len = 0;
		for (int runes = 0; text[len]; len++) {
			runes += ((unsigned char)text[len] & 0xc0) != 0x80;
			if (runes > 4)
				break;
		}
		fprintf(out, "Duration: %.*s\n", (int)len, text);
	}
}

/* The list of types, blanks around it cut. */
static int print_types(const struct profile *p, FILE *out)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };

	vec_for_each(vt, &p->sample_types)
		buf_printf(&b, "%s/%s%s ", profile_str(p, vt->type), profile_str(p, vt->unit),
			   strcmp(profile_str(p, vt->type),
				  profile_str(p, p->default_sample_type)) == 0
				   ? "[dflt]"
				   : "");
	if (b.error)
		return b.error;
	const char *text = b.data + strspn(b.data, " ");
	size_t len = strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	fprintf(out, "Samples:\n%.*s\n", (int)len, text);
	return 0;
}

/* "ID " of every location, made once. */
struct id_texts {
	struct buf bytes;
	vec_of(size_t) ends;
};

static void id_texts_deinit(struct id_texts *t)
{
	buf_deinit(&t->bytes);
	vec_deinit(&t->ends);
}

static int id_texts_init(struct id_texts *t, const struct profile *p)
{
	vec_for_each(l, &p->locations) {
		buf_printf(&t->bytes, "%" PRIu64 " ", l->id);
		if (vec_push(&t->ends, t->bytes.len) < 0)
			return -ENOMEM;
	}
	return t->bytes.error;
}

static int print_samples(const struct report *r, FILE *out)
{
	const struct profile *p = r->profile;
	_cleanup_(id_texts_deinit) struct id_texts ids = { 0 };

	if (id_texts_init(&ids, p) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < p->sample_count; i++) {
		size_t depth;
		const uint32_t *stack = profile_stack(p, i, &depth);
		for (size_t k = 0; k < p->sample_types.len; k++)
			fprintf(out, " %10" PRId64, profile_values(p, i)[k]);
		fputs_unlocked(": ", out);
		for (size_t k = 0; k < depth; k++) {
			size_t start = stack[k] ? ids.ends.items[stack[k] - 1] : 0;
			fwrite_unlocked(ids.bytes.data + start, 1, ids.ends.items[stack[k]] - start,
					out);
		}
		putc_unlocked('\n', out);
		if (label_text_lists(r, i, out) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void print_line(const struct profile *p, const struct profile_line *line, FILE *out)
{
	const struct profile_function *f = &p->functions.items[line->function];

	fprintf(out, "%s %s:%" PRId64 ":%" PRId64 " s=%" PRId64, profile_str(p, f->name),
		profile_str(p, f->filename), line->line, line->column, f->start_line);
	if (strcmp(profile_str(p, f->name), profile_str(p, f->system_name)) != 0)
		fprintf(out, "(%s)", profile_str(p, f->system_name));
	putc('\n', out);
}

static void print_location(const struct profile *p, const struct profile_location *l, FILE *out)
{
	fprintf(out, "%6" PRIu64 ": 0x%" PRIx64 " ", l->id, l->address);
	if (l->mapping != PROFILE_NONE)
		fprintf(out, "M=%" PRIu64 " ", p->mappings.items[l->mapping].id);
	if (l->is_folded)
		fputs("[F] ", out);
	if (l->line_count == 0)
		putc('\n', out);
	for (size_t i = 0; i < l->line_count; i++) {
		if (i > 0)
			fprintf(out, "%13s", "");
		print_line(p, &profile_lines(p, l)[i], out);
	}
}

static void print_mapping(const struct profile *p, const struct profile_mapping *m, FILE *out)
{
	fprintf(out, "%" PRIu64 ": 0x%" PRIx64 "/0x%" PRIx64 "/0x%" PRIx64 " %s %s %s%s%s%s\n",
		m->id, m->start, m->limit, m->offset, profile_str(p, m->filename),
		profile_str(p, m->build_id), m->has_functions ? "[FN]" : "",
		m->has_filenames ? "[FL]" : "", m->has_line_numbers ? "[LN]" : "",
		m->has_inline_frames ? "[IN]" : "");
}

int report_print_raw(struct report *r, FILE *out, struct err *e)
{
	const struct profile *p = r->profile;

	print_header(r, out);
	if (print_types(p, out) < 0 || print_samples(r, out) < 0)
		return err_set(e, -ENOMEM, "cannot print the profile");
	fputs("Locations\n", out);
	vec_for_each(l, &p->locations)
		print_location(p, l, out);
	fputs("Mappings\n", out);
	vec_for_each(m, &p->mappings)
		print_mapping(p, m, out);
	return 0;
}
