/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Short forms of long function names, for pictures. */
#pragma once

#include "base/err.h"

struct shortener;

/** 0 or -ENOMEM; free with shortener_destroy(). */
int shortener_create(struct shortener **ret, struct err *e);
void shortener_destroy(struct shortener *s);

/**
 * The name without its package path, Java package, C++ namespaces or module version, as pprof's
 * graphs show it. The caller frees; NULL if out of memory.
 */
char *shortener_apply(struct shortener *s, const char *name);
