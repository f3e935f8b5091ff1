// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/progress.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/summary.h"

#define WIDTH_DEFAULT 80

void progress_init(struct progress *p, int fd)
{
	char self[64];

	*p = (struct progress){ .fd = -1 };
	if (fd < 0 || !isatty(fd))
		return;
	/* Opened anew: O_NONBLOCK on `fd` itself would be everybody's who shares it. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	p->fd = open(self, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

bool progress_due(const struct progress *p)
{
	return p->fd >= 0 && (!p->shown || clock_mono_ns() - p->drawn_ns >= PROGRESS_PERIOD_NS);
}

int progress_format(struct buf *to, const struct session_stats *s, uint64_t left_ns, double own_cpu)
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
	if (own_cpu >= 0)
		buf_printf(to, " | profiler %.1f%% CPU", 100 * own_cpu);
	return to->error;
}

static size_t terminal_width(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
		return WIDTH_DEFAULT;
	return size.ws_col;
}

static void terminal_write(int fd, const char *text, size_t len)
{
	if (write(fd, text, len) < 0)
		return; /* it takes nothing now: see progress_init() */
}

void progress_show(struct progress *p, const char *text)
{
	struct buf line = { 0 };

	/* A line of the full width would wrap, and could not be taken back. */
	if (buf_printf(&line, "\r%.*s\033[K", (int)terminal_width(p->fd) - 1, text) == 0)
		terminal_write(p->fd, line.data, line.len);
	p->drawn_ns = clock_mono_ns();
	p->shown = true;
	buf_deinit(&line);
}

void progress_draw(struct progress *p, const struct session_stats *s, uint64_t left_ns)
{
	struct buf text = { 0 };
	double own_cpu = -1;

	if (!p->shown) {
		p->start_ns = s->duration_ns;
		p->start_cpu_ns = s->self_cpu_ns;
	} else if (s->duration_ns > p->start_ns) {
		own_cpu = (double)(s->self_cpu_ns - p->start_cpu_ns) /
			  (double)(s->duration_ns - p->start_ns);
	}
	if (progress_format(&text, s, left_ns, own_cpu) == 0)
		progress_show(p, text.data);
	buf_deinit(&text);
}

void progress_deinit(struct progress *p)
{
	if (p->shown)
		terminal_write(p->fd, "\r\033[K", 4);
	if (p->fd >= 0)
		close(p->fd);
	*p = (struct progress){ .fd = -1 };
}
