// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What gperftools' and jemalloc's "pprof --raw" put before a profile that they fetched:
 *
 *     --- symbol
 *     binary=PATH
 *     0x401136 caller--callee inlined there
 *     ---
 *     --- heap
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/convert_impl.h"

enum { INLINES_MAX = 64 };

static int read_symbol(struct converter *c, char *line)
{
	char *names;
	uint64_t address = strtoull(line, &names, 16);
	size_t blanks = strspn(names, " \t");

	if (names == line || blanks == 0)
		return 0;
	char **to = map_put(&c->symbols, &address, NULL);
	if (!to)
		return -ENOMEM;
	*to = names + blanks;
	return 0;
}

int convert_symbols(struct converter *c)
{
	int rc = 0;

	if (strncmp(c->next, "--- symbol", 10) != 0)
		return 0;
	convert_line(c);
	for (char *line; rc == 0 && (line = convert_line(c)) && strncmp(line, "---", 3) != 0;) {
		if (strncmp(line, "binary=", 7) == 0)
			c->binary = line + 7;
		else
			rc = read_symbol(c, line);
	}
	if (rc == 0 && strncmp(c->next, "--- ", 4) == 0 && !convert_is_contention(c->next))
		convert_line(c);
	return rc;
}

/* The callee comes last there, and first here. */
static void name_location(struct profile *p, uint32_t location, const char *names)
{
	struct profile_line lines[INLINES_MAX];
	size_t count = 0;

	for (const char *name = names; name && count < INLINES_MAX;) {
		const char *next = strstr(name, "--");
		size_t len = next ? (size_t)(next - name) : strlen(name);
		struct profile_function f = { .name = profile_intern(p, name, len) };
		lines[count++] = (struct profile_line){ .function = profile_add_function(p, &f) };
		name = next ? next + 2 : NULL;
	}
	for (size_t i = 0; i < count / 2; i++) {
		struct profile_line line = lines[i];
		lines[i] = lines[count - 1 - i];
		lines[count - 1 - i] = line;
	}
	if (profile_build_error(p) == 0)
		profile_location_set_lines(p, location, lines, count);
}

void convert_apply_symbols(struct converter *c)
{
	struct profile *p = c->p;

	for (size_t i = 0; i < p->locations.len && c->symbols.len > 0; i++) {
		const struct profile_location *l = &p->locations.items[i];
		uint64_t address = l->address, returned_to = address + 1;
		/* Named are the addresses as the stack has them: returns, and the leaf. */
		char **names = map_find(&c->symbols, &address);
		if (!names)
			names = map_find(&c->symbols, &returned_to);
		if (!names)
			continue;
		name_location(p, (uint32_t)i, *names);
		if (l->mapping != PROFILE_NONE)
			p->mappings.items[l->mapping].has_functions = true;
	}
}
