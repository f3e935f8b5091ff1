/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * A window on the bytes of a profile, decompressed as it moves on. Private to this room.
 *
 * The input is plain or gzip (RFC 1952, several members too), told apart by its first two bytes as
 * pprof does. Only the window is in memory: what is decoded has left it. Memory is bounded by what
 * the reader asks for at a time, and the total by STREAM_RATIO_MAX.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "base/err.h"

enum {
	/* A profile decompresses to a few times its size, deflate to at most 1032 times. What
	 * exceeds this ratio after STREAM_FREE_BYTES is taken for a bomb. */
	STREAM_RATIO_MAX = 128,
	STREAM_FREE_BYTES = 32 << 20,
	STREAM_WINDOW_MAX = 1 << 30, /* no window grows larger */
};

struct stream {
	int fd;                /* -1: reading from memory */
	const uint8_t *source; /* in memory: what is not yet taken */
	size_t source_len;

	uint8_t *input; /* from fd: the compressed or plain bytes last read */
	uint64_t taken; /* bytes taken from the source */
	bool source_end;

	bool compressed, in_member;
	z_stream z;

	uint8_t *window; /* the bytes not yet consumed are [start, end) */
	size_t window_size, start, end;
	uint64_t offset; /* of window[start] among all decompressed bytes */
	bool ended;      /* nothing follows the window */
};

/** Start on a descriptor (not owned), or on memory with fd -1. Always stream_deinit() it. */
int stream_init(struct stream *s, int fd, const void *data, size_t len, struct err *e);
void stream_deinit(struct stream *s);

/**
 * Have `n` bytes at stream_bytes(), or all that are left if fewer: stream_left() tells. 0 or a
 * negative errno: a read error, -EBADMSG for bytes that do not decompress, -EFBIG for a bomb.
 */
int stream_fill(struct stream *s, size_t n, struct err *e);

static inline size_t stream_left(const struct stream *s)
{
	return s->end - s->start;
}

static inline const uint8_t *stream_bytes(const struct stream *s)
{
	return s->window + s->start;
}

static inline void stream_consume(struct stream *s, size_t n)
{
	s->start += n;
	s->offset += n;
}
