/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * One error on its way to the user: a negative errno and a message, recorded where the facts are
 * known.
 *
 * Messages are lowercase, quote their subject, have no full stop and say what to do when we know.
 */
#pragma once

#include <stdarg.h>

struct err {
	int code; /* negative errno, 0 while there is no error */
	char msg[512];
};

/**
 * Record an error and return `code`, so that `return err_set(...)` reads well. A later error
 * replaces an earlier one. The system's text of the code ("No such file or directory") is appended
 * after ": ". `e` may be NULL: then only the code is passed on.
 */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** As err_set(), with the message alone: for errors whose errno text would only confuse. */
int err_plain(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** Put "prefix: " before the message of an error on its way up; returns its code. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
