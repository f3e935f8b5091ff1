// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/convert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/convert_impl.h"

char *convert_line(struct converter *c)
{
	if (c->next >= c->end)
		return NULL;
	char *line = c->next;
	char *newline = memchr(line, '\n', (size_t)(c->end - line));
	c->next = newline ? newline + 1 : c->end;
	char *stop = newline ? newline : c->end;
	if (stop > line && stop[-1] == '\r')
		stop--;
	*stop = '\0';
	c->line++;
	return line;
}

int convert_fail(struct converter *c, const char *what)
{
	return err_plain(c->e, -EBADMSG, "line %zu: %s", c->line, what);
}

static int push(struct converter *c, uint32_t location)
{
	return vec_push(&c->stack, location);
}

int convert_push_address(struct converter *c, uint64_t address)
{
	return push(c, profile_add_location(c->p, PROFILE_NONE, address));
}

/* A function is its own location: its number stands in for an address that nobody knows. */
int convert_push_name(struct converter *c, uint32_t mapping, const char *name, size_t len)
{
	struct profile *p = c->p;
	struct profile_function f = { .name = profile_intern(p, name, len) };
	struct profile_line line = { 0 };

	line.function = profile_add_function(p, &f);
	uint32_t location = profile_add_location(p, mapping, line.function + 1);
	if (profile_build_error(p) < 0)
		return -ENOMEM;
	if (p->locations.items[location].line_count == 0)
		profile_location_set_lines(p, location, &line, 1);
	return push(c, location);
}

bool convert_is_memory_map(const char *line)
{
	return strstr(line, "--- Memory map: ---") || strstr(line, "MAPPED_LIBRARIES:");
}

/* The program itself: the first file that is no library and no pseudo file. */
static size_t main_mapping(const struct profile *p)
{
	for (size_t i = 0; i < p->mappings.len; i++) {
		const char *file = profile_str(p, p->mappings.items[i].filename);
		if (file[0] && file[0] != '[' && !strstr(file, ".so"))
			return i;
	}
	return 0;
}

static void assign_mappings(struct profile *p)
{
	vec_for_each(l, &p->locations) {
		for (size_t i = 0; i < p->mappings.len && l->mapping == PROFILE_NONE; i++) {
			const struct profile_mapping *m = &p->mappings.items[i];
			if (l->address >= m->start && l->address < m->limit)
				l->mapping = (uint32_t)i;
		}
	}
}

int convert_memory_map(struct converter *c)
{
	struct profile *p = c->p;

	for (char *line; (line = convert_line(c));) {
		struct profile_mapping m = { 0 };
		char permissions[5];
		int used = 0;
		/* As in /proc, or in brief: "START-LIMIT: FILE". */
		bool full = sscanf(line, " %" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s%n",
				   &m.start, &m.limit, permissions, &m.offset, &used) == 4 &&
			    used > 0;
		if (full && !strchr(permissions, 'x'))
			continue;
		if (!full &&
		    (sscanf(line, " %" SCNx64 "-%" SCNx64 ":%n", &m.start, &m.limit, &used) < 2 ||
		     used == 0))
			continue;
		char *file = line + used + strspn(line + used, " ");
		char *deleted = strstr(file, " (deleted)");
		if (deleted)
			*deleted = '\0';
		m.filename = profile_intern_cstr(p, file);
		profile_add_mapping(p, &m);
	}
	if (p->mappings.len > 0) {
		size_t main = main_mapping(p);
		struct profile_mapping first = p->mappings.items[0];
		p->mappings.items[0] = p->mappings.items[main];
		p->mappings.items[main] = first;
		for (size_t i = 0; i < p->mappings.len; i++)
			p->mappings.items[i].id = i + 1;
	}
	assign_mappings(p);
	return 0;
}

static int convert(struct converter *c, const void *data, size_t len)
{
	const char *text = c->next;

	if (convert_is_cpu(data, len))
		return convert_cpu(c, data, len);
	/* Text has no NULs; what has is none of these. */
	if (memchr(text, '\0', len))
		return err_plain(c->e, -ENOMSG, "unrecognized profile format");
	if (convert_is_heap(text))
		return convert_heap(c);
	if (convert_is_contention(text))
		return convert_contention(c);
	if (convert_is_perf(text))
		return convert_perf(c);
	if (convert_is_collapsed(text))
		return convert_collapsed(c);
	return err_plain(c->e, -ENOMSG, "unrecognized profile format");
}

int profile_convert(const void *data, size_t len, struct profile **ret, struct err *e)
{
	_cleanup_free_ char *text = malloc(len + 1);
	_cleanup_profile_ struct profile *p = profile_create();
	struct converter c = { .p = p, .next = text, .e = e };

	if (!text || !p)
		return err_set(e, -ENOMEM, "cannot convert the profile");
	memcpy(text, data, len);
	text[len] = '\0';
	c.end = text + len;
	int rc = convert(&c, data, len);
	vec_deinit(&c.stack);
	if (rc == 0)
		rc = profile_build_error(p);
	if (rc == -ENOMEM)
		return err_set(e, rc, "cannot convert the profile");
	if (rc == 0)
		*ret = steal(p);
	return rc;
}
