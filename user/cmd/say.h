/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Lines to the user, on standard error. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/**
 * Write "cprofbpf: TEXT\n" by one write(2). What could drive a terminal is shown as '?': texts hold
 * names that strangers chose.
 */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Say an error's message. */
void say_err(const struct err *e);

/** Say each line of a text. */
void say_lines(const struct buf *lines);
