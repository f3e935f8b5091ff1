// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What pprof does to every profile before it reports on it, so that its output can be had: names
 * that come in one form only are demangled, or simplified if they look like C++, and binaries whose
 * names are URLs lose them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/build.h"
#include "report/filter.h"
#include "report/simple_name.h"

/* Java's "class.<init>" and Go's "T[...]).Method" have brackets too. */
static bool looks_like_cplusplus(const char *name)
{
	if (strstr(name, ".<") || strstr(name, "])."))
		return false;
	return strpbrk(name, "<>[]") || strstr(name, "::");
}

/* Cut out everything in balanced brackets; a closing one too many ends it there. */
static void cut_brackets(char *name, char open, char close)
{
	char *first = NULL;
	int depth = 0;

	for (char *c = name; *c; c++) {
		if (*c == open && depth++ == 0) {
			first = c;
		} else if (*c == close) {
			if (--depth < 0)
				return;
			if (depth == 0) {
				memmove(first, c + 1, strlen(c + 1) + 1);
				c = first - 1;
			}
		}
	}
}

/* macOS puts one more underscore before each name. */
static char *demangle(const char *name)
{
	char *simple = simple_name(name);

	return simple || name[0] != '_' ? simple : simple_name(name + 1);
}

static int simplify(struct profile *p, struct profile_function *f)
{
	/* A demangled name beside a mangled one is taken as it is. */
	if (f->name != 0 && f->name != f->system_name)
		return 0;
	f->name = f->system_name;
	const char *system_name = profile_str(p, f->system_name);
	_cleanup_free_ char *name = demangle(system_name);
	if (!name) {
		if (!looks_like_cplusplus(system_name))
			return 0;
		name = strdup(system_name);
		if (!name)
			return -ENOMEM;
		cut_brackets(name, '(', ')');
		cut_brackets(name, '<', '>');
	}
	f->name = profile_intern_cstr(p, name);
	return profile_build_error(p);
}

/* A scheme and a colon; control characters make it none. */
static bool is_url(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789+-.");

	if (text[len] != ':' || !isalpha((unsigned char)text[0]))
		return false;
	while (*text && !iscntrl((unsigned char)*text))
		text++;
	return *text == '\0';
}

/* A URL is where pprof fetched a profile from that names no binary: "C:\\a.exe" looks like one. */
static void drop_urls(struct profile *p)
{
	vec_for_each(m, &p->mappings) {
		if (profile_str_len(p, m->build_id) == 0 && is_url(profile_str(p, m->filename)))
			m->filename = 0;
	}
}

int filter_names(struct profile *p, struct err *e)
{
	int rc = 0;

	drop_urls(p);
	for (size_t i = 0; i < p->functions.len && rc == 0; i++)
		rc = simplify(p, &p->functions.items[i]);
	return rc < 0 ? err_set(e, rc, "cannot simplify the names") : 0;
}
