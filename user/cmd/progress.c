// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/progress.h"

#include <inttypes.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cmd/summary.h"

#define WIDTH_DEFAULT 80

void progress_init(struct progress *p, int fd, bool enabled)
{
	*p = (struct progress){ .fd = enabled && isatty(fd) ? fd : -1 };
}

int progress_format(struct buf *to, const struct session_stats *s, uint64_t left_ns)
{
	char complete[SUMMARY_PERCENT_MAX];

	if (left_ns)
		buf_printf(to, "%.1f s left", (double)left_ns / 1e9);
	else
		buf_printf(to, "%.1f s, Ctrl-C ends", (double)s->duration_ns / 1e9);
	buf_printf(to, " | %" PRIu64 " samples", s->samples);
	if (summary_complete(s, complete))
		buf_printf(to, ", %s complete", complete);
	buf_printf(to, ", %" PRIu64 " lost", s->lost);
	if (s->duration_ns)
		buf_printf(to, " | profiler %.1f%% CPU",
			   100.0 * (double)s->self_cpu_ns / (double)s->duration_ns);
	return to->error;
}

static size_t terminal_width(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
		return WIDTH_DEFAULT;
	return size.ws_col;
}

void progress_draw(struct progress *p, struct session *s, uint64_t left_ns)
{
	struct session_stats stats;
	uint64_t now_ns = clock_mono_ns();
	struct buf text = { 0 }, line = { 0 };

	if (p->fd < 0 || (p->shown && now_ns - p->drawn_ns < PROGRESS_PERIOD_NS))
		return;
	session_stats(s, &stats);
	/* A line of the full width would wrap, and could not be taken back. */
	if (progress_format(&text, &stats, left_ns) == 0 &&
	    buf_printf(&line, "\r%.*s\033[K", (int)terminal_width(p->fd) - 1, text.data) == 0)
		fd_write_all(p->fd, line.data, line.len, NULL);
	p->drawn_ns = now_ns;
	p->shown = true;
	buf_deinit(&text);
	buf_deinit(&line);
}

void progress_clear(struct progress *p)
{
	if (p->fd >= 0 && p->shown)
		fd_write_all(p->fd, "\r\033[K", 4, NULL);
	p->shown = false;
}
