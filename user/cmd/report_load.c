// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/report_load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/decode.h"

static int load_one(const char *path, struct profile **ret, struct err *e)
{
	if (strcmp(path, "-") == 0)
		return profile_decode_fd(STDIN_FILENO, ret, e);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "cannot open '%s'", path);
	int rc = profile_decode_fd(fd, ret, e);
	return rc < 0 ? err_prefix(e, "'%s'", path) : 0;
}

int report_load(const struct report_args *args, const char *const *paths, size_t count,
		struct profile **ret, struct err *e)
{
	(void)args;
	if (count != 1)
		return err_plain(e, -EINVAL, "one profile is needed");
	return load_one(paths[0], ret, e);
}
