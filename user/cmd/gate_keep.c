// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/gate_keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cmd/gate_merge.h"
#include "cmd/output.h"
#include "cmd/report_output.h"
#include "profile/encode.h"

#define WORK_FILE "work.txt"
#define SUFFIX    ".pb.gz"

/* "base-01.cpu.pb.gz" and the like, and "work.txt". */
static bool name_is_ours(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	if (strcmp(name, WORK_FILE) == 0)
		return true;
	if (len <= suffix || strcmp(name + len - suffix, SUFFIX) != 0)
		return false;
	for (int side = 0; side < GATE_SIDES; side++) {
		size_t n = strlen(gate_side_name(side));
		if (strncmp(name, gate_side_name(side), n) != 0)
			continue;
		size_t digits = name[n] == '-' ? strspn(name + n + 1, "0123456789") : 0;
		if (digits > 0 && name[n + 1 + digits] == '.')
			return true;
	}
	return false;
}

static int remove_earlier(const char *path, struct err *e)
{
	_cleanup_closedir_ DIR *dir = opendir(path);

	if (!dir)
		return err_set(e, -errno, "cannot open '%s'", path);
	for (struct dirent *entry; (entry = readdir(dir));)
		if (name_is_ours(entry->d_name) && unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			return err_set(e, -errno,
				       "cannot remove '%s/%s', which an earlier gate kept", path,
				       entry->d_name);
	return 0;
}

static int directory_make(const char *path, struct err *e)
{
	if (mkdir(path, 0755) < 0)
		return errno == EEXIST ? 0
				       : err_set(e, -errno, "cannot make the directory '%s'", path);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		output_give(fd);
	return 0;
}

int gate_keep_open(struct gate_keep *k, const char *dir, uint64_t runs, struct err *e)
{
	*k = (struct gate_keep){ .dir = dir, .digits = runs < 100 ? 2 : 4 };
	int rc = dir ? directory_make(dir, e) : 0;
	if (!dir || rc < 0)
		return rc;
	if (access(dir, W_OK | X_OK) < 0)
		return err_set(e, -errno, "cannot write to '%s'", dir);
	return runs ? remove_earlier(dir, e) : 0;
}

static void name_format(const struct gate_keep *k, enum gate_side side, uint64_t run,
			const char *kind, struct buf *to)
{
	buf_printf(to, "%s", gate_side_name(side));
	if (run)
		buf_printf(to, "-%0*lu", k->digits, run);
	buf_printf(to, ".%s" SUFFIX, kind);
}

int gate_keep_profile(const struct gate_keep *k, enum gate_side side, uint64_t run,
		      const struct profile *p, struct err *e)
{
	_cleanup_(buf_deinit) struct buf path = { 0 }, bytes = { 0 };

	if (!k->dir)
		return 0;
	buf_printf(&path, "%s/", k->dir);
	name_format(k, side, run, gate_merge_kind(p), &path);
	if (path.error)
		return err_set(e, -ENOMEM, "cannot keep a profile in '%s'", k->dir);
	int rc = profile_encode(p, &bytes, e);
	return rc < 0 ? rc : report_output_write(path.data, bytes.data, bytes.len, e);
}

int gate_keep_work(const struct gate_keep *k, enum gate_side side, uint64_t run, const char *kind,
		   double work, struct err *e)
{
	_cleanup_(buf_deinit) struct buf path = { 0 }, name = { 0 };

	if (!k->dir)
		return 0;
	buf_printf(&path, "%s/" WORK_FILE, k->dir);
	name_format(k, side, run, kind, &name);
	if (path.error || name.error)
		return err_set(e, -ENOMEM, "cannot keep the work of a run in '%s'", k->dir);
	FILE *file = fopen(path.data, "ae");
	if (!file)
		return err_set(e, -errno, "cannot write to '%s'", path.data);
	output_give(fileno(file));
	int written = fprintf(file, "%s %.17g\n", name.data, work);
	if (fclose(file) != 0 || written < 0)
		return err_set(e, -EIO, "cannot write to '%s'", path.data);
	return 0;
}
