// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/say.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

static void say_v(const char *fmt, va_list ap)
{
	struct buf line = { 0 };
	char text[4096];

	vsnprintf(text, sizeof(text), fmt, ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	if (buf_printf(&line, "cprofbpf: %s\n", text) == 0)
		fd_write_all(STDERR_FILENO, line.data, line.len, NULL);
	buf_deinit(&line);
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_v(fmt, ap);
	va_end(ap);
}

void say_err(const struct err *e)
{
	say("%s", e->msg);
}

void say_lines(const struct buf *lines)
{
	for (const char *line = lines->data; line && *line;) {
		size_t len = strcspn(line, "\n");

		say("%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
}
