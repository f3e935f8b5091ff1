// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/terminal.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/utf8.h"

static const char bold[] = "1", faint[] = "2", red[] = "31", green[] = "32";

/* Bytes of a line that have a colour. */
struct span {
	size_t start, end;
	const char *color;
};

enum { SPANS_MAX = 4, TAB = 8, NAME_MIN = 30 };

struct printer {
	enum report_kind kind;
	const struct terminal *t;
	FILE *out;
	bool in_table; /* behind the columns' heads */
	bool in_block; /* behind the first line since an empty one */
	size_t limit;  /* columns of the line; 0: as it is */
	struct span spans[SPANS_MAX];
	size_t span_count;
};

static void add_span(struct printer *p, size_t start, size_t end, const char *color)
{
	if (color && p->span_count < SPANS_MAX)
		p->spans[p->span_count++] = (struct span){ start, end, color };
}

/* What a share is worth; NULL: nothing. */
static const char *share_color(double percent)
{
	if (percent == 0)
		return faint;
	return percent >= 5 ? red : percent >= 0.5 ? green : NULL;
}

/* A value with its share behind it, as often as they occur before `end`; a share alone is a sum. */
static void add_shares(struct printer *p, const char *line, size_t end)
{
	static const char blanks[] = " (";
	size_t at = 0, value = SIZE_MAX;

	for (int words = 0; words < 5; words++) {
		at += strspn(line + at, blanks);
		size_t word_end = at + strcspn(line + at, " )");
		if (word_end == at || word_end > end)
			return;
		if (line[word_end - 1] != '%') {
			value = at;
		} else if (value != SIZE_MAX) {
			add_span(p, value, word_end, share_color(strtod(line + at, NULL)));
			value = SIZE_MAX;
		}
		at = word_end;
	}
}

static bool starts_with(const char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0;
}

static void color_table(struct printer *p, const char *line, size_t len)
{
	const char *bar = p->kind == REPORT_TEXT ? NULL : strstr(line, " | ");

	if (starts_with(line, "      flat  flat%")) {
		p->in_table = true;
		add_span(p, 0, len, bold);
	} else if (starts_with(line, "-----")) {
		add_span(p, 0, len, faint);
	} else if (p->in_table && (bar || p->kind == REPORT_TEXT)) {
		add_shares(p, line, bar ? (size_t)(bar - line) : len);
		/* A function between its callers and its callees. */
		if (bar && starts_with(bar, " | ") && bar[3] != ' ')
			add_span(p, (size_t)(bar - line) + 3, len, bold);
	}
}

/* Lines without weight stand back. */
static void color_listing(struct printer *p, const char *line, size_t len)
{
	static const char weightless[] = "         .          . ";

	if (starts_with(line, "ROUTINE ="))
		add_span(p, 0, len, bold);
	else if (starts_with(line, weightless))
		add_span(p, 0, len, faint);
}

/* As wide as the terminal, but however narrow that is, the beginnings of names are shown. */
static size_t limit_of(const struct printer *p)
{
	static const uint8_t indents[] = {
		[REPORT_TEXT] = 44, [REPORT_TREE] = 62,   [REPORT_PEEK] = 62,
		[REPORT_LIST] = 29, [REPORT_TRACES] = 13, [REPORT_TAGS] = 30,
	};
	size_t indent = (size_t)p->kind < ARRAY_SIZE(indents) ? indents[p->kind] : 0;

	if (p->t->columns == 0 || indent == 0)
		return 0;
	return p->t->columns > indent + NAME_MIN ? p->t->columns : indent + NAME_MIN;
}

static void color_line(struct printer *p, const char *line, size_t len)
{
	p->span_count = 0;
	p->limit = limit_of(p);
	switch (p->kind) {
	case REPORT_TEXT:
	case REPORT_TREE:
	case REPORT_PEEK:
		color_table(p, line, len);
		if (!p->in_table)
			p->limit = 0;
		break;
	case REPORT_LIST:
		color_listing(p, line, len);
		break;
	case REPORT_TRACES:
		if (starts_with(line, "-----"))
			add_span(p, 0, len, faint);
		break;
	case REPORT_TAGS:
		if (!p->in_block)
			add_span(p, 0, len, bold);
		else
			add_shares(p, line, len);
		break;
	default:
		break;
	}
	p->in_block = len > 0;
}

/* Print the next character; neither escapes nor the controls U+0080 to U+009F get through. */
static void put_character(const char **at, FILE *out)
{
	unsigned char c = (unsigned char)**at, next = (unsigned char)(*at)[c != '\0'];

	if (c == '\t') {
		putc(c, out);
		(*at)++;
	} else if (c < 0x20 || c == 0x7f) {
		putc('?', out);
		(*at)++;
	} else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
		putc('?', out);
		*at += 2;
	} else {
		utf8_put(at, out);
	}
}

/* The column behind the character of the byte at `at`. */
static size_t next_column(const char *at, size_t column)
{
	if (*at == '\t')
		return (column / TAB + 1) * TAB;
	return column + (((unsigned char)*at & 0xc0) != 0x80);
}

static bool is_too_wide(const struct printer *p, const char *line)
{
	size_t column = 0;

	if (p->limit == 0)
		return false;
	for (; *line; line++)
		column = next_column(line, column);
	return column > p->limit;
}

static void put_color(const struct printer *p, const char *color)
{
	if (p->t->colors)
		fprintf(p->out, "\033[%sm", color);
}

static void put_line(struct printer *p, const char *line)
{
	size_t column = 0, span = 0;
	bool cut = is_too_wide(p, line), colored = false;

	for (const char *at = line; *at;) {
		if (cut && next_column(at, column) >= p->limit)
			break;
		column = next_column(at, column);
		if (!colored && span < p->span_count &&
		    (size_t)(at - line) >= p->spans[span].start) {
			put_color(p, p->spans[span].color);
			colored = true;
		}
		put_character(&at, p->out);
		if (colored && (size_t)(at - line) >= p->spans[span].end) {
			put_color(p, "0");
			colored = false;
			span++;
		}
	}
	if (cut)
		fputs(starts_with(line, "-----") ? "-" : "…", p->out);
	if (colored)
		put_color(p, "0");
	putc('\n', p->out);
}

void terminal_print(enum report_kind kind, char *text, const struct terminal *t, FILE *out)
{
	struct printer p = { .kind = kind, .t = t, .out = out };
	char *newline;

	for (char *line = text; *line; line = newline + 1) {
		newline = strchrnul(line, '\n');
		bool last = !*newline;
		*newline = '\0';
		color_line(&p, line, strlen(line));
		put_line(&p, line);
		if (last)
			break;
	}
}
