// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/vec.h"
#include "report/path.h"

/* ".." takes the name before it away, whether there is such a directory or not. */
static int open_in(const char *directory, const char *name)
{
	_cleanup_free_ char *path = NULL, *clean = NULL;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		path = NULL;
	clean = path ? path_clean(path) : NULL;
	return clean ? open(clean, O_RDONLY | O_CLOEXEC) : -1;
}

/* Look in a directory and all above it. */
static int open_upwards(const char *directory, size_t len, const char *name)
{
	_cleanup_free_ char *dir = len ? strndup(directory, len) : strdup(".");

	while (dir && dir[0]) {
		int fd = open_in(dir, name);
		if (fd >= 0)
			return fd;
		char *slash = strrchr(dir, '/');
		if (slash == dir && dir[1])
			dir[1] = '\0';
		else if (slash && slash != dir)
			*slash = '\0';
		else if (!slash && strcmp(dir, ".") != 0)
			strcpy(dir, ".");
		else
			break;
	}
	return -1;
}

static int open_source(const char *name, const char *path, const char *trim, struct buf *problem)
{
	name = path_trim(name, trim, path);
	if (name[0] == '/') {
		int fd = open(name, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			const char *reason = strerror(errno);
			buf_printf(problem, "open %s: %c%s", name, tolower(reason[0]), reason + 1);
		}
		return fd;
	}
	const char *list = path[0] ? path : NULL, *dir;
	size_t len;
	while (path_list_next(&list, &dir, &len)) {
		int fd = open_upwards(dir, len, name);
		if (fd >= 0)
			return fd;
	}
	buf_printf(problem, "could not find file %s on path %s", name, path);
	return -1;
}

static int split_lines(struct source *s, size_t len)
{
	vec_of(char *) lines = { 0 };
	char *end = s->bytes + len;

	for (char *at = s->bytes; at < end;) {
		char *newline = memchr(at, '\n', (size_t)(end - at));
		char *stop = newline ? newline : end;
		if (vec_push(&lines, at) < 0) {
			vec_deinit(&lines);
			return -ENOMEM;
		}
		at = newline ? newline + 1 : end;
		*stop = '\0';
		if (stop > lines.items[lines.len - 1] && stop[-1] == '\r')
			stop[-1] = '\0';
	}
	s->lines = lines.items;
	s->line_count = lines.len;
	return 0;
}

int source_load(struct source *s, const char *name, const char *path, const char *trim,
		struct buf *problem)
{
	struct buf b = { 0 };
	struct err e;

	*s = (struct source){ 0 };
	_cleanup_close_ int fd = open_source(name, path ? path : "", trim, problem);
	if (fd < 0)
		return problem->error ? -ENOMEM : -ENOENT;
	int rc = fd_read_all(fd, &b, &e);
	if (rc < 0) {
		buf_deinit(&b);
		buf_printf(problem, "read %s: %s", name, strerror(-rc));
		return rc;
	}
	s->bytes = b.data;
	return b.len ? split_lines(s, b.len) : 0;
}

void source_deinit(struct source *s)
{
	free(s->bytes);
	free(s->lines);
	*s = (struct source){ 0 };
}
