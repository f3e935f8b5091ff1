// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"

#define READ_STEP 65536

int fd_read_all(int fd, struct buf *b, struct err *e)
{
	for (;;) {
		char *to = buf_space(b, READ_STEP);
		if (!to)
			return err_set(e, -ENOMEM, "cannot read");
		ssize_t n = read(fd, to, READ_STEP);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, -errno, "cannot read");
		b->len += (size_t)n;
		b->data[b->len] = '\0';
		if (n == 0)
			return 0;
	}
}

int file_read_all(const char *path, struct buf *b, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "cannot open '%s'", path);
	int rc = fd_read_all(fd, b, e);
	return rc < 0 ? err_set(e, rc, "cannot read '%s'", path) : 0;
}

int fd_write_all(int fd, const void *data, size_t len, struct err *e)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, -errno, "cannot write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}
