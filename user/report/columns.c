// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/columns.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/vec.h"
#include "report/utf8.h"

/* No sane text has more; what is to the right of them is in no column. */
enum { COLUMNS_MAX = 1000 };

/* The texts between the tabs of a line; the last is in no column. */
struct cell {
	const char *text;
	size_t len, width;
};

struct line {
	size_t first, count; /* cells */
};

struct columns {
	vec_of(struct cell) cells;
	vec_of(struct line) lines;
	vec_of(size_t) widths; /* of the columns from the left, while their lines are printed */
	struct buf *to;
};

static int split_line(struct columns *c, const char *text, size_t len)
{
	struct line line = { .first = c->cells.len };

	for (size_t i = 0; i <= len; line.count++) {
		const char *tab = memchr(text + i, '\t', len - i);
		size_t n = tab ? (size_t)(tab - text) - i : len - i;
		struct cell cell = { text + i, n, utf8_count(text + i, n) };
		if (vec_push(&c->cells, cell) < 0)
			return -ENOMEM;
		i += n + 1;
	}
	return vec_push(&c->lines, line);
}

static int split_lines(struct columns *c, const char *text, size_t len)
{
	int rc = 0;

	for (const char *at = text, *end = text + len; at < end && rc == 0;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		rc = split_line(c, at, (size_t)((newline ? newline : end) - at));
		at = newline ? newline + 1 : end;
	}
	return rc;
}

/* The columns of these lines are known. */
static void print_lines(struct columns *c, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		const struct line *line = &c->lines.items[i];
		for (size_t k = 0; k < line->count; k++) {
			const struct cell *cell = &c->cells.items[line->first + k];
			if (k < c->widths.len)
				buf_printf(c->to, "%*s", (int)(c->widths.items[k] - cell->width),
					   "");
			buf_add(c->to, cell->text, cell->len);
		}
		buf_add(c->to, "\n", 1);
	}
}

/* Whether a line has a cell in the column that is next to be measured. */
static bool has_cell(const struct columns *c, size_t line)
{
	return c->widths.len + 1 < c->lines.items[line].count && c->widths.len < COLUMNS_MAX;
}

/*
 * Measure the next column: adjacent lines that have it make a block, in which the columns to its
 * right are measured in turn. COLUMNS_MAX bounds the depth.
 */
static int print_block(struct columns *c, size_t first, size_t end)
{
	size_t column = c->widths.len, printed = first;

	for (size_t i = first, next; i < end; i = next) {
		size_t width = 0;
		for (next = i; next < end && has_cell(c, next); next++) {
			const struct line *line = &c->lines.items[next];
			size_t w = c->cells.items[line->first + column].width + 1;
			width = w > width ? w : width;
		}
		if (next == i) {
			next++;
			continue;
		}
		print_lines(c, printed, i);
		if (vec_push(&c->widths, width) < 0 || print_block(c, i, next) < 0)
			return -ENOMEM;
		c->widths.len--;
		printed = next;
	}
	print_lines(c, printed, end);
	return c->to->error;
}

int columns_add(const char *text, size_t len, struct buf *to)
{
	struct columns c = { .to = to };
	int rc = split_lines(&c, text, len);

	if (rc == 0)
		rc = print_block(&c, 0, c.lines.len);
	vec_deinit(&c.cells);
	vec_deinit(&c.lines);
	vec_deinit(&c.widths);
	return rc;
}
