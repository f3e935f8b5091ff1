// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Collapsed stacks: "root;caller;leaf 12". */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/convert_impl.h"

/* The number after the last blank, and where that blank is; NULL if there is none. */
static char *last_number(char *line, int64_t *value)
{
	size_t len = strlen(line);
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		line[--len] = '\0';
	char *blank = strrchr(line, ' ');
	char *end;
	if (!blank)
		return NULL;
	errno = 0;
	*value = strtoll(blank + 1, &end, 10);
	return end == blank + 1 || *end || errno ? NULL : blank;
}

bool convert_is_collapsed(const char *text)
{
	size_t len = strcspn(text, "\n");
	size_t digits = 0;

	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	while (digits < len && isdigit((unsigned char)text[len - 1 - digits]))
		digits++;
	return digits > 0 && len > digits + 1 && text[len - 1 - digits] == ' ';
}

int convert_collapsed(struct converter *c)
{
	profile_add_sample_type(c->p, "samples", "count");
	for (char *line; (line = convert_line(c));) {
		int64_t value;
		if (line[strspn(line, " \t")] == '\0')
			continue;
		char *end = last_number(line, &value);
		if (!end)
			return convert_fail(c, "no number after the stack");
		c->stack.len = 0;
		/* From the leaf, which comes last. */
		while (end > line) {
			char *start = end;
			while (start > line && start[-1] != ';')
				start--;
			if (convert_push_name(c, PROFILE_NONE, start, (size_t)(end - start)) < 0)
				return -ENOMEM;
			end = start > line ? start - 1 : line;
		}
		profile_add_sample(c->p, c->stack.items, c->stack.len, &value, NULL, 0);
	}
	return 0;
}
