// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "proc/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"

enum file_match {
	FILE_MATCH_NO,
	FILE_MATCH_UNKNOWN, /* the file system shows other numbers than /proc/PID/maps */
	FILE_MATCH_YES,
};

/*
 * stat() gives the device of a subvolume or of an overlay, maps that of the file system below.
 * Where an overlay's layers lie on several file systems the inode numbers differ as well.
 */
static enum file_match file_compare(int fd, const struct stat *st, const struct proc_mapping *m)
{
	struct statfs fs;

	if (st->st_dev == makedev(m->dev_major, m->dev_minor))
		return st->st_ino == m->inode ? FILE_MATCH_YES : FILE_MATCH_NO;
	if (fstatfs(fd, &fs) < 0)
		return FILE_MATCH_NO;
	if (fs.f_type == OVERLAYFS_SUPER_MAGIC)
		return st->st_ino == m->inode ? FILE_MATCH_YES : FILE_MATCH_UNKNOWN;
	if (fs.f_type == BTRFS_SUPER_MAGIC)
		return st->st_ino == m->inode ? FILE_MATCH_YES : FILE_MATCH_NO;
	return FILE_MATCH_NO;
}

/* Open what an O_PATH descriptor stands for, once it is known to be the file that is meant. */
static int file_reopen(int path_fd, const struct proc_mapping *m, enum file_match least)
{
	struct stat st;
	char link[64];

	if (fstat(path_fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (file_compare(path_fd, &st, m) < least)
		return -ESTALE;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	int fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static int file_open_map_files(pid_t pid, const struct proc_mapping *m)
{
	char link[96];

	snprintf(link, sizeof(link), "/proc/%d/map_files/%llx-%llx", pid,
		 (unsigned long long)m->start, (unsigned long long)m->end);
	_cleanup_close_ int path_fd = open(link, O_PATH | O_CLOEXEC);
	if (path_fd < 0)
		return -errno;
	return file_reopen(path_fd, m, FILE_MATCH_UNKNOWN);
}

static int file_open_below(const char *root, const struct proc_mapping *m)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return -errno;
	_cleanup_close_ int path_fd =
		(int)syscall(SYS_openat2, root_fd, m->path, &how, sizeof(how));
	if (path_fd < 0)
		return -errno;
	return file_reopen(path_fd, m, FILE_MATCH_YES);
}

static int file_explain(int code, pid_t pid, const struct proc_mapping *m, struct err *e)
{
	switch (code) {
	case -EACCES:
	case -EPERM:
		return err_plain(e, -EACCES,
				 "no permission to open '%s', which process %d maps: needs "
				 "CAP_CHECKPOINT_RESTORE and CAP_SYS_PTRACE",
				 m->path, pid);
	case -ESTALE:
		return err_plain(e, code,
				 "'%s' is no longer the file that process %d maps: it was replaced",
				 m->path, pid);
	case -EINVAL:
		return err_plain(e, code, "'%s' is no regular file", m->path);
	default:
		return err_set(e, code, "cannot open '%s', which process %d maps", m->path, pid);
	}
}

int proc_file_open(pid_t pid, const struct proc_mapping *m, int *ret, struct err *e)
{
	char root[64];

	if (!proc_mapping_is_file(m))
		return err_plain(e, -ENOENT, "'%s' is no file", m->path);
	int fd = file_open_map_files(pid, m);
	if (fd < 0 && fd != -EINVAL) {
		bool denied = fd == -EPERM || fd == -EACCES;

		snprintf(root, sizeof(root), "/proc/%d/root", pid);
		fd = file_open_below(root, m);
		if (fd < 0)
			fd = file_open_below("/", m);
		/* A deleted file is out of reach only because map_files was. */
		if (denied && fd == -ENOENT)
			fd = -EACCES;
	}
	if (fd < 0)
		return file_explain(fd, pid, m, e);
	*ret = fd;
	return 0;
}
