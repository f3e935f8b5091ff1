/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** A growable byte buffer. Zeroed storage is an empty buffer; not thread-safe. */
#pragma once

#include <stddef.h>

struct buf {
	char *data; /* NULL while empty; always followed by a NUL that len does not count */
	size_t len, cap;
	int error; /* sticky -ENOMEM: check once, after the last append */
};

void buf_deinit(struct buf *b);

/** Append bytes; returns b->error. */
int buf_add(struct buf *b, const void *bytes, size_t len);

/** Append formatted text; returns b->error. */
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Make room for `extra` more bytes and return where they go, or NULL; b->len is not moved. */
void *buf_space(struct buf *b, size_t extra);
