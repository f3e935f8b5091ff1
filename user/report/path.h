/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** File names, purely as text, with the results of Go's path/filepath. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/** The shortest equal path: no doubled slash, ".", or ".." that can be resolved. The caller frees;
 * NULL if out of memory. */
char *path_clean(const char *path);

/**
 * The path without the place it was built in, as a part of `path`: without the first that fits of
 * the prefixes `trim` (separated by colons) and /proc/self/cwd; if `trim` is NULL, without all up
 * to a directory named as one of those in `search`.
 */
const char *path_trim(const char *path, const char *trim, const char *search);

/**
 * Take the next directory, `len` bytes, off a list separated by colons; false at its end, where
 * *list is NULL. An empty one stands for the current directory.
 */
bool path_list_next(const char **list, const char **dir, size_t *len);

/** The last element: "." of an empty path, "/" of slashes alone. The caller frees. */
char *path_base(const char *path);
