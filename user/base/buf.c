// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

void buf_deinit(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void *buf_space(struct buf *b, size_t extra)
{
	if (b->error)
		return NULL;
	if (extra > (size_t)-1 / 4 - b->len ||
	    vec_grow((void **)&b->data, &b->cap, b->len + extra + 1, 1) < 0) {
		b->error = -ENOMEM;
		return NULL;
	}
	return b->data + b->len;
}

int buf_add(struct buf *b, const void *bytes, size_t len)
{
	char *to = buf_space(b, len);
	if (!to)
		return b->error;
	if (len)
		memcpy(to, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *to = buf_space(b, (size_t)len);
	if (!to)
		return b->error;
	va_start(ap, fmt);
	vsnprintf(to, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
	return 0;
}
