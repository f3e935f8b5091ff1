// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/label_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "report/filter.h"
#include "report/pad.h"

typedef void write_fn(const struct report *r, uint32_t key, const struct profile_label *labels,
		      size_t count, bool strings, struct buf *b);

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Whether a label of the same key and kind came before. */
static bool is_repeated(const struct profile_label *labels, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (labels[k].key == labels[i].key && !labels[k].str == !labels[i].str)
			return true;
	}
	return false;
}

/* The texts of all keys of one kind, sorted as texts. */
static int print_kind(const struct report *r, size_t sample, bool strings, write_fn *write,
		      const char *before, const char *between, const char *after, FILE *out)
{
	size_t count;
	const struct profile_label *labels = profile_labels(r->profile, sample, &count);
	vec_of(char *) texts = { 0 };
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		if (!labels[i].str == strings || is_repeated(labels, i))
			continue;
		struct buf b = { 0 };
		write(r, labels[i].key, labels, count, strings, &b);
		rc = b.error ? b.error : vec_push(&texts, b.data);
		if (rc < 0)
			buf_deinit(&b);
	}
	if (texts.len > 0)
		qsort(texts.items, texts.len, sizeof(*texts.items), compare_texts);
	for (size_t i = 0; i < texts.len; i++) {
		fprintf(out, "%s%s", i == 0 ? before : between, texts.items[i]);
		free(texts.items[i]);
	}
	if (texts.len > 0)
		fputs(after, out);
	vec_deinit(&texts);
	return rc;
}

static void write_line(const struct report *r, uint32_t key, const struct profile_label *labels,
		       size_t count, bool strings, struct buf *b)
{
	const struct profile *p = r->profile;
	const char *name = profile_str(p, key);

	buf_printf(b, "%*s%s: ", pad_width(name) < 10 ? 10 - pad_width(name) : 0, "", name);
	for (size_t i = 0; i < count; i++) {
		char text[UNIT_LABEL_MAX];
		if (labels[i].key != key || !labels[i].str == strings)
			continue;
		if (strings) {
			buf_printf(b, " %s", profile_str(p, labels[i].str));
			continue;
		}
		unit_label(text, labels[i].num, label_units_find(r->units, p, key), "auto");
		buf_printf(b, " %s", text);
	}
	buf_printf(b, "\n");
}

int label_text_lines(const struct report *r, size_t sample, FILE *out)
{
	int rc = print_kind(r, sample, true, write_line, "", "", "", out);

	return rc < 0 ? rc : print_kind(r, sample, false, write_line, "", "", "", out);
}

static void write_list(const struct report *r, uint32_t key, const struct profile_label *labels,
		       size_t count, bool strings, struct buf *b)
{
	const struct profile *p = r->profile;
	bool has_units = false, first = true;

	for (size_t i = 0; i < count; i++)
		has_units |= !strings && labels[i].key == key && !labels[i].str && labels[i].unit;
	buf_printf(b, "%s:[", profile_str(p, key));
	for (size_t i = 0; i < count; i++) {
		if (labels[i].key != key || !labels[i].str == strings)
			continue;
		buf_printf(b, "%s", first ? "" : " ");
		first = false;
		if (strings)
			buf_printf(b, "%s", profile_str(p, labels[i].str));
		else if (has_units)
			buf_printf(b, "%" PRId64 " %s", labels[i].num,
				   profile_str(p, labels[i].unit));
		else
			buf_printf(b, "%" PRId64, labels[i].num);
	}
	buf_printf(b, "]");
}

int label_text_lists(const struct report *r, size_t sample, FILE *out)
{
	static const char indent[] = "                ";
	int rc = print_kind(r, sample, true, write_list, indent, " ", "\n", out);

	return rc < 0 ? rc : print_kind(r, sample, false, write_list, indent, " ", "\n", out);
}
