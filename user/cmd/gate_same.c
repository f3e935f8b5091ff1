// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/gate_same.h"

#include <stdio.h>
#include <string.h>

/* The line that begins at `start`, as far as it fits. */
static void line_copy(const struct buf *b, size_t start, char to[48])
{
	const char *line = start < b->len ? b->data + start : "";
	size_t left = start < b->len ? b->len - start : 0;
	const char *end = memchr(line, '\n', left);

	snprintf(to, 48, "%.*s", (int)(end ? (size_t)(end - line) : left), line);
}

bool gate_same(const struct buf *first, const struct buf *second, struct gate_difference *d)
{
	size_t shorter = first->len < second->len ? first->len : second->len, start = 0, i;

	*d = (struct gate_difference){ .line = 1 };
	for (i = 0; i < shorter && first->data[i] == second->data[i]; i++) {
		if (first->data[i] != '\n')
			continue;
		d->line++;
		start = i + 1;
	}
	if (i == first->len && i == second->len)
		return true;
	line_copy(first, start, d->first);
	line_copy(second, start, d->second);
	return false;
}
