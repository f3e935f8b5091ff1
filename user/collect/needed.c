// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/needed.h"

#include <elf.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/fd.h"
#include "elf/elf_file.h"

#define FILES_MAX       1024 /* of one closure: a bound against nonsense */
#define INCLUDES_DEPTH  4    /* of ld.so.conf files */

#define SCRIPT_LINE_MAX 255 /* BINPRM_BUF_SIZE of the kernel, less one */

struct paths {
	vec_of(char *) items;
};

struct closure {
	struct paths files; /* found so far, in the order of loading */
	struct paths dirs;  /* searched for every file, in order */
};

static void paths_deinit(struct paths *p)
{
	vec_for_each(path, &p->items)
		free(*path);
	vec_deinit(&p->items);
}

static void paths_add(struct paths *p, const char *path, size_t len)
{
	char *copy = strndup(path, len);

	if (!copy || vec_push(&p->items, copy) < 0)
		free(copy);
}

static bool paths_have(const struct paths *p, const char *path)
{
	vec_for_each(known, &p->items)
		if (strcmp(*known, path) == 0)
			return true;
	return false;
}

/* The directories that /etc/ld.so.conf names, `include` patterns followed. */
static void conf_read(struct paths *dirs, const char *path, int depth)
{
	struct buf text = { 0 };

	if (depth == 0 || file_read_all(path, &text, NULL) < 0) {
		buf_deinit(&text);
		return;
	}
	char *rest = text.data, *line;
	while ((line = strsep(&rest, "\n"))) {
		char pattern[PATH_MAX];
		glob_t found;
		if (*line == '/') {
			paths_add(dirs, line, strcspn(line, " \t#"));
		} else if (sscanf(line, "include %4095s", pattern) == 1 &&
			   glob(pattern, 0, NULL, &found) == 0) {
			for (size_t i = 0; i < found.gl_pathc; i++)
				conf_read(dirs, found.gl_pathv[i], depth - 1);
			globfree(&found);
		}
	}
	buf_deinit(&text);
}

static void dirs_init(struct paths *dirs)
{
	const char *list = getenv("LD_LIBRARY_PATH");

	while (list && *list) {
		size_t len = strcspn(list, ":;");
		if (len)
			paths_add(dirs, list, len);
		list += len + (list[len] != '\0');
	}
	conf_read(dirs, "/etc/ld.so.conf", INCLUDES_DEPTH);
	static const char *const trusted[] = { "/lib64", "/usr/lib64", "/lib", "/usr/lib" };
	for (size_t i = 0; i < ARRAY_SIZE(trusted); i++)
		paths_add(dirs, trusted[i], strlen(trusted[i]));
}

static bool file_try(struct closure *c, const char *dir, size_t dir_len, const char *name)
{
	char path[PATH_MAX], resolved[PATH_MAX];

	if (snprintf(path, sizeof(path), "%.*s/%s", (int)dir_len, dir, name) >= (int)sizeof(path) ||
	    access(path, R_OK) < 0 || !realpath(path, resolved))
		return false;
	if (!paths_have(&c->files, resolved))
		paths_add(&c->files, resolved, strlen(resolved));
	return true;
}

/* Search the directories of DT_RUNPATH or DT_RPATH; $ORIGIN is where the file that names them lies.
 */
static bool runpath_try(struct closure *c, const char *runpath, const char *origin,
			const char *name)
{
	size_t origin_len = (size_t)(strrchr(origin, '/') - origin);

	while (*runpath) {
		size_t len = strcspn(runpath, ":");
		char dir[PATH_MAX];
		const char *rest = runpath;
		int prefix = 0;
		if (strncmp(runpath, "$ORIGIN", 7) == 0 || strncmp(runpath, "${ORIGIN}", 9) == 0) {
			prefix = (int)origin_len;
			rest += runpath[1] == '{' ? 9 : 7;
		}
		int n = snprintf(dir, sizeof(dir), "%.*s%.*s", prefix, origin,
				 (int)(runpath + len - rest), rest);
		if (n < (int)sizeof(dir) && file_try(c, dir, (size_t)n, name))
			return true;
		runpath += len + (runpath[len] != '\0');
	}
	return false;
}

static const char *string_at(const struct elf_range *strings, uint64_t offset)
{
	struct cursor c = cursor_init(strings->data, strings->size);
	const char *s;

	return cursor_skip(&c, offset) && cursor_cstr(&c, &s) ? s : "";
}

/* Add what one file needs. */
static void file_follow(struct closure *c, struct elf_file *elf, const char *origin)
{
	struct elf_range dynamic, strings, interp;
	const char *runpath = "";
	Elf64_Dyn d;

	if (elf_file_section(elf, ".interp", &interp, NULL) == 0) {
		const char *path = string_at(&interp, 0);
		if (*path == '/')
			file_try(c, "", 0, path + 1);
	}
	if (elf_file_section(elf, ".dynamic", &dynamic, NULL) < 0 ||
	    elf_file_section(elf, ".dynstr", &strings, NULL) < 0)
		return;
	struct cursor entries = cursor_init(dynamic.data, dynamic.size);
	while (cursor_read(&entries, &d, sizeof(d)) && d.d_tag != DT_NULL)
		if (d.d_tag == DT_RUNPATH || d.d_tag == DT_RPATH)
			runpath = string_at(&strings, d.d_un.d_val);
	entries = cursor_init(dynamic.data, dynamic.size);
	while (cursor_read(&entries, &d, sizeof(d)) && d.d_tag != DT_NULL) {
		if (d.d_tag != DT_NEEDED)
			continue;
		const char *name = string_at(&strings, d.d_un.d_val);
		bool found = runpath_try(c, runpath, origin, name);
		vec_for_each(dir, &c->dirs.items) {
			if (found)
				break;
			found = file_try(c, *dir, strlen(*dir), name);
		}
	}
}

/* "#!" and the path of what the kernel executes in place of a script: execve(2). */
static void script_follow(struct closure *c, int fd)
{
	char line[SCRIPT_LINE_MAX + 1] = "";

	if (pread(fd, line, SCRIPT_LINE_MAX, 0) < 2 || memcmp(line, "#!", 2) != 0)
		return;
	char *path = line + 2 + strspn(line + 2, " \t");
	path[strcspn(path, " \t\n")] = '\0';
	if (*path == '/')
		file_try(c, "", 0, path + 1);
}

void needed_each(const char *program, needed_fn fn, void *ctx)
{
	struct closure c = { 0 };
	char resolved[PATH_MAX];

	dirs_init(&c.dirs);
	if (realpath(program, resolved))
		paths_add(&c.files, resolved, strlen(resolved));
	for (size_t i = 0; i < c.files.items.len && i < FILES_MAX; i++) {
		const char *path = c.files.items.items[i];
		_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		struct elf_file *elf = NULL;
		fn(ctx, path);
		if (fd < 0)
			continue;
		script_follow(&c, fd);
		if (elf_file_open_fd(fd, path, &elf, NULL) < 0)
			continue;
		file_follow(&c, elf, path);
		elf_file_close(elf);
	}
	paths_deinit(&c.files);
	paths_deinit(&c.dirs);
}
