// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define SERIES_SUFFIX ".pb.gz"
#define SERIES_MAX    99999u

/* Asked for in advance, so that a disk that is full is told before the capture and not after. */
#define RESERVE_BYTES 65536

/* ---- Opening ------------------------------------------------------------------------------- */

void output_give(int fd)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");
	char *uid_end, *gid_end;

	if (geteuid() != 0 || !uid || !gid)
		return;
	unsigned long user = strtoul(uid, &uid_end, 10), group = strtoul(gid, &gid_end, 10);
	if (*uid && !*uid_end && *gid && !*gid_end && fchown(fd, (uid_t)user, (gid_t)group) < 0)
		return;
}

static int open_temp(struct output *o)
{
	int fd = openat(o->dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd < 0 ? -errno : fd;
	for (int i = 0; i < 100; i++) {
		uint64_t random;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		snprintf(o->temp, sizeof(o->temp), ".cprofbpf.%016" PRIx64, random);
		fd = openat(o->dir_fd, o->temp,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd >= 0)
			return fd;
		o->temp[0] = '\0';
		if (errno != EEXIST)
			break;
	}
	return -errno;
}

static int create_temp(struct output *o, struct err *e)
{
	int fd = open_temp(o);

	if (fd < 0)
		return err_set(e, fd, "cannot write to '%s'", o->path);
	o->fd = fd;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, RESERVE_BYTES) < 0 &&
	    (errno == ENOSPC || errno == EDQUOT))
		return err_set(e, -errno, "cannot write to '%s'", o->path);
	output_give(fd);
	return 0;
}

/* The number of the descriptor that a path stands for, or -1. */
static int path_descriptor(const char *path)
{
	static const char *const dirs[] = { "/dev/fd/", "/proc/self/fd/" };

	if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
		return STDOUT_FILENO;
	if (strcmp(path, "/dev/stderr") == 0)
		return STDERR_FILENO;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		size_t len = strlen(dirs[i]);
		char *end;

		if (strncmp(path, dirs[i], len) != 0 || path[len] < '0' || path[len] > '9')
			continue;
		long fd = strtol(path + len, &end, 10);
		if (!*end && fd <= INT_MAX)
			return (int)fd;
	}
	return -1;
}

static int refuse_terminal(struct output *o, struct err *e)
{
	if (!isatty(o->fd))
		return 0;
	return err_plain(
		e, -EINVAL,
		"'%s' is a terminal, and a profile is no text: redirect it, or name a file",
		o->path);
}

static int open_descriptor(struct output *o, int fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);

	o->kind = OUTPUT_IN_PLACE;
	if (flags < 0)
		return err_set(e, -errno, "cannot write to '%s'", o->path);
	if ((flags & O_ACCMODE) == O_RDONLY)
		return err_plain(e, -EBADF,
				 "cannot write to '%s': it is closed, or open for reading only",
				 o->path);
	o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (o->fd < 0)
		return err_set(e, -errno, "cannot write to '%s'", o->path);
	return refuse_terminal(o, e);
}

/*
 * A FIFO without a reader cannot be opened without waiting: that is left to the end, so that the
 * capture starts at once.
 */
static int open_in_place(struct output *o, struct err *e)
{
	o->kind = OUTPUT_IN_PLACE;
	o->fd = openat(o->dir_fd, o->name,
		       O_WRONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (o->fd < 0 && errno == ENXIO)
		return 0;
	if (o->fd < 0 || fcntl(o->fd, F_SETFL, O_WRONLY) < 0)
		return err_set(e, -errno, "cannot write to '%s'", o->path);
	return refuse_terminal(o, e);
}

/* Open the directory of o->path and keep the name that is left. */
static int open_parent(struct output *o, struct err *e)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(o->path, '/');
	const char *name = slash ? slash + 1 : o->path;
	size_t dir_len = slash ? (size_t)(slash - o->path) : 0;

	if (strlen(name) >= sizeof(o->name))
		return err_set(e, -ENAMETOOLONG, "cannot write to '%s'", o->path);
	memcpy(o->name, name, strlen(name) + 1);
	snprintf(dir, sizeof(dir), "%.*s%s", (int)dir_len, o->path,
		 !slash ? "." : (dir_len ? "" : "/"));
	o->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (o->dir_fd < 0)
		return err_set(e, -errno, "cannot write to '%s'", o->path);
	return 0;
}

static int open_named(struct output *o, struct err *e)
{
	struct stat st;
	int rc = open_parent(o, e);

	if (rc < 0)
		return rc;
	o->kind = OUTPUT_NAMED;
	if (!o->name[0])
		return err_set(e, -EISDIR, "cannot write to '%s'", o->path);
	if (fstatat(o->dir_fd, o->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return err_set(e, -errno, "cannot write to '%s'", o->path);
		return create_temp(o, e);
	}
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return create_temp(o, e);
	case S_IFIFO:
	case S_IFCHR:
		return open_in_place(o, e);
	case S_IFLNK:
		return err_plain(e, -ELOOP,
				 "'%s' is a symbolic link, which is not followed: remove it, or "
				 "name what it points to",
				 o->path);
	case S_IFDIR:
		return err_set(e, -EISDIR, "cannot write to '%s'", o->path);
	default:
		return err_plain(e, -EINVAL,
				 "cannot write to '%s': no file, FIFO or character "
				 "device",
				 o->path);
	}
}

static int output_finish_open(struct output *o, int rc)
{
	if (rc < 0)
		output_close(o);
	return rc;
}

int output_open(const char *path, struct output *ret, struct err *e)
{
	*ret = (struct output){ .dir_fd = -1, .fd = -1 };
	if (strlen(path) >= sizeof(ret->path))
		return err_set(e, -ENAMETOOLONG, "cannot write to '%.64s...'", path);
	snprintf(ret->path, sizeof(ret->path), "%s",
		 strcmp(path, "-") == 0 ? "standard output" : path);
	int fd = path_descriptor(path);
	return output_finish_open(ret, fd >= 0 ? open_descriptor(ret, fd, e) : open_named(ret, e));
}

int output_open_series(const char *dir, const struct output_series *series, struct output *ret,
		       struct err *e)
{
	*ret = (struct output){ .kind = OUTPUT_NUMBERED, .dir_fd = -1, .fd = -1 };
	snprintf(ret->path, sizeof(ret->path), "%s", dir);
	memcpy(ret->name, series->prefix, sizeof(series->prefix));
	ret->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->dir_fd < 0)
		return err_set(e, -errno, "cannot write to '%s'", dir);
	return output_finish_open(ret, create_temp(ret, e));
}

void output_series_init(struct output_series *s, const char *exe, const char *types)
{
	int room = (int)(sizeof(s->prefix) - sizeof("pprof...") - strlen(types));

	snprintf(s->prefix, sizeof(s->prefix), "pprof.%.*s.%s.", room, exe, types);
	for (unsigned char *p = (unsigned char *)s->prefix; *p; p++)
		if (*p <= ' ' || *p == 127 || *p == '/')
			*p = '_';
}

/* ---- Committing ---------------------------------------------------------------------------- */

/* Give the file a name that must be free; -EEXIST: it is not. */
static int link_new(struct output *o, const char *name)
{
	char self[64];

	if (!o->temp[0]) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", o->fd);
		return linkat(AT_FDCWD, self, o->dir_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
	}
	if (renameat2(o->dir_fd, o->temp, o->dir_fd, name, RENAME_NOREPLACE) == 0) {
		o->temp[0] = '\0';
		return 0;
	}
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* A network file system; the temporary name is removed by output_close(). */
	return linkat(o->dir_fd, o->temp, o->dir_fd, name, 0) < 0 ? -errno : 0;
}

/* Name the file, and have that name replace what is there. */
static int link_over(struct output *o)
{
	if (!o->temp[0]) {
		char temp[sizeof(o->temp)];
		uint64_t random;
		int rc;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		snprintf(temp, sizeof(temp), ".cprofbpf.%016" PRIx64, random);
		rc = link_new(o, temp);
		if (rc < 0)
			return rc;
		memcpy(o->temp, temp, sizeof(temp));
	}
	if (renameat(o->dir_fd, o->temp, o->dir_fd, o->name) < 0)
		return -errno;
	o->temp[0] = '\0';
	return 0;
}

static int link_first_free(struct output *o)
{
	char name[NAME_MAX + 1], dir[PATH_MAX];

	for (unsigned int number = 1; number <= SERIES_MAX; number++) {
		int n = snprintf(name, sizeof(name), "%s%03u" SERIES_SUFFIX, o->name, number);
		if (n < 0 || (size_t)n >= sizeof(name))
			return -ENAMETOOLONG;
		int rc = link_new(o, name);
		if (rc == -EEXIST)
			continue;
		if (rc < 0)
			return rc;
		memcpy(dir, o->path, sizeof(dir));
		if (strcmp(dir, ".") == 0)
			snprintf(o->path, sizeof(o->path), "%s", name);
		else if (snprintf(o->path, sizeof(o->path), "%s/%s", dir, name) < 0)
			return -EIO;
		return 0;
	}
	return -EEXIST;
}

/* The new name must survive a crash of the machine as well. Best effort: the data is synced. */
static void sync_dir(int dir_fd)
{
	_cleanup_close_ int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		fsync(fd);
}

static int finish_file(struct output *o)
{
	struct stat st;

	/* What was asked for in advance and not needed is given back. */
	if (fstat(o->fd, &st) < 0 || ftruncate(o->fd, st.st_size) < 0 || fsync(o->fd) < 0)
		return -errno;
	int rc = o->kind == OUTPUT_NUMBERED ? link_first_free(o) : link_over(o);
	if (rc == 0)
		sync_dir(o->dir_fd);
	return rc;
}

static int finish_in_place(struct output *o)
{
	struct stat st;

	if (fstat(o->fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && fsync(o->fd) < 0 ? -errno : 0;
}

int output_wait(struct output *o, struct err *e)
{
	if (o->fd < 0)
		o->fd = openat(o->dir_fd, o->name, O_WRONLY | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	return o->fd < 0 ? output_fail(o, -errno, e) : 0;
}

int output_finish(struct output *o, struct err *e)
{
	int rc = o->kind == OUTPUT_IN_PLACE ? finish_in_place(o) : finish_file(o);

	return rc < 0 ? output_fail(o, rc, e) : 0;
}

int output_commit(struct output *o, const void *data, size_t len, struct err *e)
{
	int rc = output_wait(o, e);

	if (rc < 0)
		return rc;
	rc = fd_write_all(o->fd, data, len, NULL);
	return rc < 0 ? output_fail(o, rc, e) : output_finish(o, e);
}

int output_fail(const struct output *o, int code, struct err *e)
{
	return err_set(e, code, "cannot write to '%s'%s", o->path,
		       code == -EPIPE ? ", whose reader has gone" : "");
}

void output_close(struct output *o)
{
	if (o->temp[0])
		unlinkat(o->dir_fd, o->temp, 0);
	o->temp[0] = '\0';
	cleanup_close(&o->fd);
	cleanup_close(&o->dir_fd);
	o->fd = o->dir_fd = -1;
}

int output_rescue(const char *const *dirs, const struct output_series *series, const void *data,
		  size_t len, char path[PATH_MAX], struct err *e)
{
	int rc = -ENOENT;

	for (; *dirs; dirs++) {
		struct output o;

		rc = output_open_series(*dirs, series, &o, e);
		if (rc < 0)
			continue;
		rc = output_commit(&o, data, len, e);
		if (rc == 0)
			memcpy(path, o.path, PATH_MAX);
		output_close(&o);
		if (rc == 0)
			return 0;
	}
	return rc;
}
