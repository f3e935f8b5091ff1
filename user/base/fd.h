/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Whole-file reading and writing over descriptors; interrupted and short calls are continued. */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/** Append all that can be read from `fd` to `b`; 0 or a negative errno. */
int fd_read_all(int fd, struct buf *b, struct err *e);

/** Append the whole file at `path` to `b`; works for /proc files, whose size says 0. */
int file_read_all(const char *path, struct buf *b, struct err *e);

/** Write all bytes; 0 or a negative errno. */
int fd_write_all(int fd, const void *data, size_t len, struct err *e);
