// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/path.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Drop the last element of `out`; false if there is none that ".." could cancel. */
static bool path_pop(char *out, size_t *len, size_t floor)
{
	if (*len <= floor)
		return false;
	size_t at = *len;
	while (at > floor && out[at - 1] != '/')
		at--;
	if (*len - at == 2 && memcmp(out + at, "..", 2) == 0)
		return false;
	*len = at > floor ? at - 1 : floor;
	return true;
}

static void path_push(char *out, size_t *len, size_t floor, const char *element, size_t n)
{
	if (*len > floor)
		out[(*len)++] = '/';
	memcpy(out + *len, element, n);
	*len += n;
}

char *path_clean(const char *path)
{
	char *out = malloc(strlen(path) + 2);
	if (!out)
		return NULL;
	size_t len = 0, floor = 0;
	if (path[0] == '/') {
		out[len++] = '/';
		floor = 1;
	}
	for (const char *at = path; *at;) {
		size_t n = strcspn(at, "/");
		bool dots = n == 2 && at[0] == '.' && at[1] == '.';
		if (dots && !path_pop(out, &len, floor) && floor == 0)
			path_push(out, &len, floor, at, n);
		else if (!dots && n > 0 && !(n == 1 && at[0] == '.'))
			path_push(out, &len, floor, at, n);
		at += n;
		at += strspn(at, "/");
	}
	if (len == 0)
		out[len++] = '.';
	out[len] = '\0';
	return out;
}

/* Where `path` goes on after a directory of the same name as the search directory, or NULL. */
static const char *after_same_name(const char *path, const char *dir, size_t dir_len)
{
	_cleanup_free_ char *copy = strndup(dir, dir_len);
	_cleanup_free_ char *base = copy ? path_base(copy) : NULL;
	size_t len = base ? strlen(base) : 0;

	for (const char *at = path; base && (at = strchr(at, '/')); at++) {
		if (strncmp(at + 1, base, len) == 0 && at[1 + len] == '/')
			return at + len + 2;
	}
	return NULL;
}

/* Where `path` goes on after a directory, or NULL. */
static const char *after_prefix(const char *path, const char *dir, size_t len)
{
	if (strncmp(path, dir, len) != 0)
		return NULL;
	if (len > 0 && dir[len - 1] == '/')
		return path + len;
	return path[len] == '/' ? path + len + 1 : NULL;
}

const char *path_trim(const char *path, const char *trim, const char *search)
{
	static const char *const always[] = { "/proc/self/cwd/./", "/proc/self/cwd/" };
	bool heuristic = !trim || !trim[0];
	const char *list = heuristic ? search : trim, *dir, *rest;
	size_t len;

	list = list && list[0] ? list : NULL;
	while (path_list_next(&list, &dir, &len)) {
		rest = heuristic ? after_same_name(path, dir, len) : after_prefix(path, dir, len);
		if (rest)
			return rest;
	}
	for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
		if ((rest = after_prefix(path, always[i], strlen(always[i]))))
			return rest;
	}
	return path;
}

bool path_list_next(const char **list, const char **dir, size_t *len)
{
	if (!*list)
		return false;
	*dir = *list;
	*len = strcspn(*dir, ":");
	*list = (*dir)[*len] ? *dir + *len + 1 : NULL;
	return true;
}

char *path_base(const char *path)
{
	size_t len = strlen(path);

	if (len == 0)
		return strdup(".");
	while (len > 0 && path[len - 1] == '/')
		len--;
	if (len == 0)
		return strdup("/");
	size_t start = len;
	while (start > 0 && path[start - 1] != '/')
		start--;
	return strndup(path + start, len - start);
}
