// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/gate_work.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"

static const char blanks[] = " \t\r\n";

/* One number above 0, and nothing else in [s, end) but blanks around it. */
static bool parse_work(const char *s, const char *end, double *ret)
{
	char *after;

	s += strspn(s, blanks);
	if (s >= end)
		return false;
	*ret = strtod(s, &after);
	after += strspn(after, blanks);
	return after >= end && isfinite(*ret) && *ret > 0;
}

int gate_work_init(struct gate_work *w, const struct gate_options *o, struct err *e)
{
	*w = (struct gate_work){ .per = o->per, .path = o->per_file };
	if (!w->path || o->commands[GATE_BASE])
		return 0;
	int rc = file_read_all(w->path, &w->table, e);
	return rc < 0 ? err_prefix(e, "'--per-file'") : 0;
}

void gate_work_deinit(struct gate_work *w)
{
	buf_deinit(&w->table);
}

/* Whether a line's name, of `len` bytes, is that of the profile at `path`. */
static bool name_matches(const char *name, size_t len, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	return (strlen(path) == len && memcmp(path, name, len) == 0) ||
	       (strlen(base) == len && memcmp(base, name, len) == 0);
}

int gate_work_of_profile(const struct gate_work *w, enum gate_side side, const char *path,
			 double *ret, struct err *e)
{
	*ret = w->per[side];
	if (!w->path)
		return 0;
	for (const char *line = w->table.data; line && *line;) {
		size_t len = strcspn(line, "\n"), name = len;

		/* The number is the last word: names may have blanks. */
		while (name > 0 && strchr(blanks, line[name - 1]))
			name--;
		while (name > 0 && !strchr(blanks, line[name - 1]))
			name--;
		size_t number = name;
		while (name > 0 && strchr(blanks, line[name - 1]))
			name--;
		if (name > 0 && name_matches(line, name, path)) {
			if (parse_work(line + number, line + len, ret))
				return 0;
			return err_plain(e, -EINVAL, "'%s' tells no number above 0 of '%s': '%.*s'",
					 w->path, path, (int)(len - number), line + number);
		}
		line += len + (line[len] == '\n');
	}
	return err_plain(e, -EINVAL, "'%s' has no line \"%s NUMBER\"", w->path, path);
}

void gate_work_expect(struct gate_work *w)
{
	if (!w->path || stat(w->path, &w->before) < 0)
		w->before = (struct stat){ 0 };
}

int gate_work_of_run(const struct gate_work *w, enum gate_side side, double *ret, struct err *e)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	struct stat now;

	*ret = w->per[side];
	if (!w->path)
		return 0;
	if (stat(w->path, &now) < 0)
		return err_plain(e, -EINVAL, "the %s command did not write '%s'",
				 gate_side_name(side), w->path);
	if (now.st_ino == w->before.st_ino && now.st_mtim.tv_sec == w->before.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == w->before.st_mtim.tv_nsec)
		return err_plain(
			e, -EINVAL,
			"the %s command did not write '%s': it is as it was before the run",
			gate_side_name(side), w->path);
	int rc = file_read_all(w->path, &text, e);
	if (rc < 0)
		return rc;
	if (text.len && parse_work(text.data, text.data + text.len, ret))
		return 0;
	return err_plain(e, -EINVAL, "the %s command wrote '%.*s' to '%s': no number above 0",
			 gate_side_name(side), text.len ? (int)strcspn(text.data, "\n") : 0,
			 text.len ? text.data : "", w->path);
}
