// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/report_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "cmd/report_live.h"
#include "profile/build.h"
#include "profile/convert.h"
#include "profile/decode.h"
#include "profile/merge.h"

/* Older tools' formats, which pprof reads as well. */
static int load_other(const char *path, struct profile **ret)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };
	int rc = file_read_all(path, &b, NULL);

	return rc < 0 ? rc : profile_convert(b.data ? b.data : "", b.len, ret, NULL);
}

static int load_one(const char *path, struct profile **ret, struct err *e)
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

int report_load_files(const char *const *paths, size_t count, struct profile **ret, struct err *e)
{
	_cleanup_free_ struct profile **profiles = calloc(count + 1, sizeof(*profiles));
	int rc = profiles ? 0 : err_set(e, -ENOMEM, "cannot load the profiles");

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = load_one(paths[i], &profiles[i], e);
	/* A single profile is taken as it is: its ids and equal samples stay. */
	if (rc == 0 && count == 1)
		rc = profile_check_types(profiles[0], e);
	if (rc == 0 && count == 1)
		*ret = steal(profiles[0]);
	else if (rc == 0)
		rc = profile_merge(profiles, count, ret, e);
	for (size_t i = 0; profiles && i < count; i++)
		profile_destroy(profiles[i]);
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
