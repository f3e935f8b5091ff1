// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/report_load.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "cmd/report_live.h"
#include "profile/build.h"
#include "profile/convert.h"
#include "profile/decode.h"
#include "profile/edit.h"
#include "profile/merge.h"

/* Older tools' formats, which pprof reads as well. */
static int load_other(const char *path, struct profile **ret)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };
	int rc = file_read_all(path, &b, NULL);

	return rc < 0 ? rc : profile_convert(b.data ? b.data : "", b.len, ret, NULL);
}

static int decode_one(const char *path, struct profile **ret, struct err *e)
{
	if (strcmp(path, "-") == 0) {
		int rc = profile_decode_fd(STDIN_FILENO, ret, e);
		return rc < 0 ? err_prefix(e, "standard input") : 0;
	}
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "cannot open '%s'", path);
	int rc = profile_decode_fd(fd, ret, e);
	if (rc == -EBADMSG && load_other(path, ret) == 0)
		rc = 0;
	return rc < 0 ? err_prefix(e, "'%s'", path) : 0;
}

static int load_one(const char *path, struct profile **ret, struct err *e)
{
	int rc = decode_one(path, ret, e);

	if (rc == 0 && profile_add_missing_mapping(*ret) < 0)
		rc = err_set(e, -ENOMEM, "cannot load '%s'", path);
	return rc;
}

/* A file being read while the one before it is merged. */
struct reading {
	const char *path;
	struct profile *profile;
	struct err err;
	int rc;
	pthread_t thread;
	bool started;
};

static void *read_in_thread(void *argument)
{
	struct reading *r = argument;

	r->rc = load_one(r->path, &r->profile, &r->err);
	return NULL;
}

/* Without a thread, it is read at once. */
static void reading_start(struct reading *r, const char *path)
{
	*r = (struct reading){ .path = path };
	r->started = pthread_create(&r->thread, NULL, read_in_thread, r) == 0;
	if (!r->started)
		read_in_thread(r);
}

static int reading_finish(struct reading *r, struct err *e)
{
	if (r->started)
		pthread_join(r->thread, NULL);
	r->started = false;
	if (r->rc < 0)
		*e = r->err;
	return r->rc;
}

static int merge_files(struct profile_merger *m, const char *const *paths, size_t count,
		       struct err *e)
{
	struct reading next;
	int rc = 0;

	reading_start(&next, paths[0]);
	for (size_t i = 0; i < count; i++) {
		int read_rc = reading_finish(&next, rc < 0 ? &(struct err){ 0 } : e);
		struct profile *p = next.profile;
		rc = rc < 0 ? rc : read_rc;
		if (rc < 0) {
			profile_destroy(p);
			break;
		}
		if (i + 1 < count)
			reading_start(&next, paths[i + 1]);
		rc = profile_merger_add(m, p, e);
	}
	return rc;
}

int report_load_files(const char *const *paths, size_t count, struct profile **ret, struct err *e)
{
	struct profile *p = NULL;
	int rc;

	/* A single profile is taken as it is: its ids and equal samples stay. */
	if (count == 1) {
		rc = load_one(paths[0], &p, e);
		if (rc == 0)
			rc = profile_check_types(p, e);
		if (rc == 0)
			*ret = steal(p);
		profile_destroy(p);
		return rc;
	}
	struct profile_merger *m = profile_merger_create();
	if (!m)
		return err_set(e, -ENOMEM, "cannot load the profiles");
	rc = merge_files(m, paths, count, e);
	if (rc == 0)
		rc = profile_merger_finish(m, ret, e);
	profile_merger_destroy(m);
	return rc;
}

static int load_live(const struct report_args *args, size_t files, struct profile **ret,
		     struct err *e)
{
	size_t count = args->live.len;
	_cleanup_free_ char **argv = calloc(count + 1, sizeof(*argv));

	if (files > 0)
		return err_plain(e, -EINVAL, "either processes (-p, -a) or files, not both");
	if (!argv)
		return err_set(e, -ENOMEM, "cannot read the options");
	memcpy(argv, args->live.items, count * sizeof(*argv));
	return report_live((int)count, argv, ret, e);
}

int report_load(const struct report_args *args, const char *const *paths, size_t count,
		struct profile **ret, struct err *e)
{
	_cleanup_profile_ struct profile *p = NULL, *base = NULL;
	int rc = args->live.len > 0 ? load_live(args, count, &p, e)
				    : report_load_files(paths, count, &p, e);

	if (rc == 0 && args->base.len > 0)
		rc = report_load_files(args->base.items, args->base.len, &base, e);
	if (rc == 0 && args->normalize) {
		if (!base)
			return err_plain(e, -EINVAL, "must have base profile to normalize by");
		rc = profile_normalize(p, base, e);
	}
	if (rc == 0 && base)
		rc = profile_subtract(steal(p), steal(base), args->diff_base, &p, e);
	if (rc < 0)
		return rc;
	if (args->comment) {
		profile_add_comment(p, args->comment);
		if (profile_build_error(p) < 0)
			return err_set(e, -ENOMEM, "cannot load the profiles");
	}
	*ret = steal(p);
	return 0;
}
