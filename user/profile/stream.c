// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/vec.h"

enum { INPUT_SIZE = 256 * 1024, WINDOW_SIZE = 1024 * 1024 };

/* Fetch more source bytes into z.next_in; source_end is set when there are none. */
static int source_read(struct stream *s, struct err *e)
{
	if (s->fd < 0) {
		size_t n = s->source_len < (1 << 30) ? s->source_len : (1 << 30);
		s->z.next_in = (Bytef *)s->source;
		s->z.avail_in = (uInt)n;
		s->source += n;
		s->source_len -= n;
		s->taken += n;
		s->source_end = n == 0;
		return 0;
	}
	ssize_t n;
	do {
		n = read(s->fd, s->input, INPUT_SIZE);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, -errno, "cannot read the profile");
	s->z.next_in = s->input;
	s->z.avail_in = (uInt)n;
	s->taken += (uint64_t)n;
	s->source_end = n == 0;
	return 0;
}

/* A gzip header needs both magic bytes: a first read from a pipe may bring only one. */
static int source_sniff(struct stream *s, struct err *e)
{
	int rc = source_read(s, e);
	if (rc < 0)
		return rc;
	while (s->fd >= 0 && s->z.avail_in == 1 && !s->source_end) {
		uint8_t first = s->input[0];
		rc = source_read(s, e);
		if (rc < 0)
			return rc;
		memmove(s->input + 1, s->input, s->z.avail_in);
		s->input[0] = first;
		s->z.next_in = s->input;
		s->z.avail_in++;
	}
	s->compressed = s->z.avail_in >= 2 && s->z.next_in[0] == 0x1f && s->z.next_in[1] == 0x8b;
	return 0;
}

int stream_init(struct stream *s, int fd, const void *data, size_t len, struct err *e)
{
	*s = (struct stream){ .fd = fd, .source = data, .source_len = len };
	/* One spare byte: see source_sniff(). */
	if (fd >= 0 && !(s->input = malloc(INPUT_SIZE + 1)))
		return err_set(e, -ENOMEM, "cannot read the profile");
	int rc = source_sniff(s, e);
	if (rc < 0)
		return rc;
	/* 15 + 16: the largest window, gzip members only. */
	if (s->compressed) {
		if (inflateInit2(&s->z, 15 + 16) != Z_OK) {
			s->compressed = false;
			return err_set(e, -ENOMEM, "cannot read the profile");
		}
		s->in_member = true;
	}
	return 0;
}

void stream_deinit(struct stream *s)
{
	if (s->compressed)
		inflateEnd(&s->z);
	free(s->input);
	free(s->window);
	*s = (struct stream){ .fd = -1 };
}

static int copy_plain(struct stream *s)
{
	size_t n = s->window_size - s->end;
	if (n > s->z.avail_in)
		n = s->z.avail_in;
	memcpy(s->window + s->end, s->z.next_in, n);
	s->z.next_in += n;
	s->z.avail_in -= (uInt)n;
	s->end += n;
	return 0;
}

static int inflate_some(struct stream *s, struct err *e)
{
	if (!s->in_member) {
		/* Another member follows, or garbage, which the header check will tell. */
		inflateReset(&s->z);
		s->in_member = true;
	}
	size_t before = s->end;
	s->z.next_out = s->window + s->end;
	s->z.avail_out = (uInt)(s->window_size - s->end);
	int rc = inflate(&s->z, Z_NO_FLUSH);
	s->end = s->window_size - s->z.avail_out;
	if (rc == Z_STREAM_END)
		s->in_member = false;
	else if (rc == Z_MEM_ERROR)
		return err_set(e, -ENOMEM, "decompressing profile");
	else if (rc != Z_OK && rc != Z_BUF_ERROR)
		return err_plain(e, -EBADMSG, "decompressing profile: gzip: %s near byte %llu",
				 s->z.msg ? s->z.msg : "invalid data",
				 (unsigned long long)(s->taken - s->z.avail_in));
	if (s->source_end && s->in_member && s->end == before)
		return err_plain(e, -EBADMSG, "decompressing profile: unexpected EOF");
	uint64_t total = s->offset + stream_left(s);
	if (total > STREAM_FREE_BYTES && total / STREAM_RATIO_MAX > s->taken)
		return err_plain(e, -EFBIG,
				 "decompressing profile: %llu bytes grow to more than %llu, "
				 "which no profile does",
				 (unsigned long long)s->taken, (unsigned long long)total);
	return 0;
}

/* Move the rest to the window's front and make it `n` bytes large at least. */
static int window_make_room(struct stream *s, size_t n, struct err *e)
{
	if (s->start > 0) {
		memmove(s->window, s->window + s->start, stream_left(s));
		s->end -= s->start;
		s->start = 0;
	}
	if (n <= s->window_size && s->end < s->window_size)
		return 0;
	/* Grow with the bytes that really came, not to what a length field claims. */
	size_t want = s->window_size ? s->window_size * 2 : WINDOW_SIZE;
	uint8_t *grown = want <= STREAM_WINDOW_MAX ? realloc(s->window, want) : NULL;
	if (!grown)
		return err_set(e, -ENOMEM, "cannot hold a field of %zu bytes", n);
	s->window = grown;
	s->window_size = want;
	return 0;
}

int stream_fill(struct stream *s, size_t n, struct err *e)
{
	while (stream_left(s) < n && !s->ended) {
		if (s->end == s->window_size) {
			int rc = window_make_room(s, n, e);
			if (rc < 0)
				return rc;
		}
		if (s->z.avail_in == 0 && !s->source_end) {
			int rc = source_read(s, e);
			if (rc < 0)
				return rc;
		}
		/* Inside a member, zlib may still hold output when its input is used up. */
		s->ended = s->z.avail_in == 0 && s->source_end && !s->in_member;
		if (s->ended)
			break;
		int rc = s->compressed ? inflate_some(s, e) : copy_plain(s);
		if (rc < 0)
			return rc;
	}
	return 0;
}
