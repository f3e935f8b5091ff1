// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What pprof does to every profile before it reports on it, so that its output can be had: names
 * that come in one form only are demangled, or simplified if they look like C++.
 */
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

int filter_names(struct profile *p, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < p->functions.len && rc == 0; i++)
		rc = simplify(p, &p->functions.items[i]);
	return rc < 0 ? err_set(e, rc, "cannot simplify the names") : 0;
}
