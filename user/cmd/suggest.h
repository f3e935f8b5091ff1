/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Which known word a mistyped one was meant to be. */
#pragma once

#include <stddef.h>

/**
 * The number of edits (insert, delete, replace, swap two neighbours) that make `b` of `a`, where no
 * part is edited twice. Words longer than 63 bytes are as far apart as words can be: SIZE_MAX.
 */
size_t suggest_distance(const char *a, const char *b);

/**
 * Of `count` words the nearest to `word`, or NULL if none is near: at most a third of its letters,
 * and at least one, may be wrong. A word that `word` is the beginning of is near as well.
 */
const char *suggest_nearest(const char *word, const char *const *words, size_t count);
