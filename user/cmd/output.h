/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The file that a profile is written to: opened before a capture starts, so that an unwritable
 * place is an error at once, and complete or not there at all in the end.
 *
 * A regular file is written without a name (O_TMPFILE) where the file system can, else under a
 * temporary one in the same directory, then synced and linked or renamed: readers see the old file
 * or the new one, and a capture that is killed leaves nothing behind. A symbolic link at the final
 * name is refused. Under sudo the file belongs to SUDO_UID and SUDO_GID. What exists and is no
 * regular file (a FIFO, a character device, /dev/stdout, /dev/fd/N) is written in place.
 *
 * Not thread-safe.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum output_kind {
	OUTPUT_NAMED,    /* a regular file of this name, which is replaced */
	OUTPUT_NUMBERED, /* the first free name of a series */
	OUTPUT_IN_PLACE, /* a descriptor that is written as it is */
};

struct output {
	enum output_kind kind;
	int dir_fd;              /* of the final name */
	int fd;                  /* -1: a FIFO that has no reader yet */
	char path[PATH_MAX];     /* for messages; of a series the directory until it is committed */
	char name[NAME_MAX + 1]; /* in dir_fd; of a series the part before the number */
	char temp[NAME_MAX + 1]; /* in dir_fd; "" while the file has no name */
};

/** What a series of names begins with; the number and ".pb.gz" follow: pprof's naming. */
struct output_series {
	char prefix[NAME_MAX - 31]; /* "pprof.EXE.TYPES." */
};

/**
 * The series of an executable or host, and of the sample types as in "samples.cpu": what cannot
 * stand in a file name, or would drive a terminal, becomes '_', and what is too long is cut.
 */
void output_series_init(struct output_series *s, const char *exe, const char *types);

/**
 * Open `path` for writing; "-" is standard output. -ELOOP: a symbolic link. -EISDIR: a directory.
 * -EINVAL: a terminal, or another thing that no profile can be written to. *ret is zeroed on
 * failure, and closed with output_close() otherwise.
 */
int output_open(const char *path, struct output *ret, struct err *e);

/** As output_open(), for the first free number of a series in directory `dir`. */
int output_open_series(const char *dir, const struct output_series *series, struct output *ret,
		       struct err *e);

/** Have o->fd to write to: wait for a FIFO's reader. -EINTR: a signal came first. */
int output_wait(struct output *o, struct err *e);

/**
 * What was written to o->fd is all: give it its name, which o->path then tells. On failure nothing
 * is left behind.
 */
int output_finish(struct output *o, struct err *e);

/**
 * Wait, write it all and finish. Fails also on a disk that is full, and on a reader that has gone
 * (with SIGPIPE ignored).
 */
int output_commit(struct output *o, const void *data, size_t len, struct err *e);

/** The error of writing to o->fd by other means; returns `code`. */
int output_fail(const struct output *o, int code, struct err *e);

/** Under sudo a file or directory belongs to who called it. Best effort: some file systems have no
 * owners. */
void output_give(int fd);

/** Give up what is not committed, and close. */
void output_close(struct output *o);

/**
 * Save what could not be written where it should have been, in the first of `dirs` (ends with NULL)
 * that takes it; `path` gets its name.
 */
int output_rescue(const char *const *dirs, const struct output_series *series, const void *data,
		  size_t len, char path[PATH_MAX], struct err *e);
