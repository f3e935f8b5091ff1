// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/debugfile.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"

#define DEBUG_ROOT "/usr/lib/debug"

/* What identifies the file searched for. */
struct wanted {
	const uint8_t *build_id;
	size_t build_id_len;
	bool has_crc;
	uint32_t crc;
	struct stat original; /* not itself; st_ino 0 if it is no file */
};

static int open_below(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, /* a FIFO in its place must not block */
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	if (root_fd < 0)
		return open(path, (int)how.flags);
	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

static bool crc_matches(int fd, uint32_t crc)
{
	unsigned char bytes[64 << 10];
	uLong sum = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, bytes, sizeof(bytes), at)) > 0) {
		sum = crc32(sum, bytes, (uInt)n);
		at += n;
	}
	return n == 0 && sum == crc;
}

static bool wanted_matches(const struct wanted *w, const struct elf_file *elf)
{
	if (w->build_id_len && elf->build_id_len)
		return w->build_id_len == elf->build_id_len &&
		       memcmp(w->build_id, elf->build_id, w->build_id_len) == 0;
	return w->has_crc && crc_matches(elf->fd, w->crc);
}

static bool candidate_open(const struct wanted *w, int root_fd, const char *path,
			   struct debugfile *ret)
{
	_cleanup_close_ int fd = open_below(root_fd, path);
	struct elf_file *elf;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (st.st_dev == w->original.st_dev && st.st_ino == w->original.st_ino) ||
	    elf_file_open_fd(fd, path, &elf, NULL) < 0)
		return false;
	if (!wanted_matches(w, elf)) {
		elf_file_close(elf);
		return false;
	}
	*ret = (struct debugfile){ elf, steal_fd(&fd) };
	return true;
}

/* Below the target's root, then below ours. */
static bool roots_search(const struct wanted *w, int root_fd, const char *path,
			 struct debugfile *ret)
{
	return (root_fd >= 0 && candidate_open(w, root_fd, path, ret)) ||
	       candidate_open(w, -1, path, ret);
}

static bool build_id_search(const struct wanted *w, int root_fd, struct debugfile *ret)
{
	char path[sizeof(DEBUG_ROOT) + sizeof("/.build-id//.debug") + 2 * ELF_BUILD_ID_MAX];

	if (w->build_id_len < 2 || w->build_id_len > ELF_BUILD_ID_MAX)
		return false;
	int len = sprintf(path, DEBUG_ROOT "/.build-id/%02x/", w->build_id[0]);
	for (size_t i = 1; i < w->build_id_len; i++)
		len += sprintf(path + len, "%02x", w->build_id[i]);
	strcpy(path + len, ".debug");
	return roots_search(w, root_fd, path, ret);
}

/* The directory part of a path, "" for the root. */
static int dir_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (int)(slash - path) : 0;
}

static bool link_search(const struct wanted *w, const char *link,
			const struct debugfile_place *place, struct debugfile *ret)
{
	static const char *const formats[] = { "%.*s/%s", "%.*s/.debug/%s", DEBUG_ROOT "%.*s/%s" };
	char path[PATH_MAX];

	if (strchr(link, '/') || place->path[0] != '/')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		int len = snprintf(path, sizeof(path), formats[i], dir_len(place->path),
				   place->path, link);
		if (len < (int)sizeof(path) && roots_search(w, place->root_fd, path, ret))
			return true;
	}
	return false;
}

int debugfile_open(struct elf_file *f, const struct debugfile_place *place, struct debugfile *ret,
		   struct err *e)
{
	struct wanted w = { .build_id = f->build_id, .build_id_len = f->build_id_len };
	GElf_Word crc;
	const char *link = dwelf_elf_gnu_debuglink(f->elf, &crc);

	if (f->fd >= 0 && fstat(f->fd, &w.original) < 0)
		return err_set(e, -errno, "cannot stat '%s'", f->name);
	if (link) {
		w.has_crc = true;
		w.crc = crc;
	}
	if (build_id_search(&w, place->root_fd, ret) || (link && link_search(&w, link, place, ret)))
		return 0;
	return err_plain(e, -ENOENT, "'%s' has no debug file", f->name);
}

int debugfile_open_alt(const char *path, const void *build_id, size_t build_id_len,
		       const struct debugfile_place *place, struct debugfile *ret, struct err *e)
{
	struct wanted w = { .build_id = build_id, .build_id_len = build_id_len };
	char joined[PATH_MAX];
	const char *dir = path[0] == '/' ? "" : place->path;
	int len = snprintf(joined, sizeof(joined), "%.*s/%s", dir_len(dir), dir, path);

	if (build_id_search(&w, place->root_fd, ret) ||
	    (len < (int)sizeof(joined) && roots_search(&w, place->root_fd, joined, ret)))
		return 0;
	return err_plain(e, -ENOENT, "'%s' is missing: it holds a part of the debug information",
			 path);
}

/* "DIR/FILE", DIR "" for none; an absolute FILE stands for itself. Absent is harmless, too. */
static bool is_harmless(const char *dir, const char *file)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s%s%s", file[0] == '/' ? "" : dir,
		     file[0] == '/' ? "" : "/", file) >= (int)sizeof(path))
		return false;
	return stat(path, &st) < 0 || S_ISREG(st.st_mode);
}

bool debugfile_is_harmless(const struct elf_file *f, const char *dir, const char *file)
{
	char link[64], beside[PATH_MAX], below[PATH_MAX];

	if (f->fd < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", f->fd);
	ssize_t len = readlink(link, beside, sizeof(beside) - 1);
	if (len < 0)
		return false;
	beside[len] = '\0';
	beside[dir_len(beside)] = '\0';
	if (!is_harmless(beside, file))
		return false;
	if (!dir)
		return true;
	if (dir[0] == '/')
		return is_harmless(dir, file);
	len = snprintf(below, sizeof(below), "%s/%s", beside, dir);
	return len < (ssize_t)sizeof(below) && is_harmless(below, file);
}

void debugfile_close(struct debugfile *d)
{
	elf_file_close(d->elf);
	if (d->fd >= 0)
		close(d->fd);
	*d = (struct debugfile){ .fd = -1 };
}
