// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/progress.h"

static void test_text(void **state)
{
	(void)state;
	static const struct {
		struct session_stats stats;
		uint64_t left_ns;
		double own_cpu;
		const char *want;
	} cases[] = {
		{ { .duration_ns = 1000000000,
		    .samples = 100,
		    .user_samples = 100,
		    .complete = 99 },
		  29040000000,
		  0.004,
		  "29.0 s left | 100 samples, 99.00% complete, 0 lost | profiler 0.4% CPU" },
		{ { .duration_ns = 12340000000, .lost = 2, .samples = 5 },
		  0,
		  0,
		  "12.3 s, Ctrl-C ends | 5 samples, 0.00% complete, 2 lost | profiler 0.0% CPU" },
		{ { .samples = 0 }, 1000000000, -1, "1.0 s left | 0 samples, 0 lost" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf got = { 0 };

		assert_int_equal(
			progress_format(&got, &cases[i].stats, cases[i].left_ns, cases[i].own_cpu),
			0);
		assert_string_equal(got.data, cases[i].want);
		buf_deinit(&got);
	}
}

struct terminal {
	int master, slave;
};

static bool terminal_open(struct terminal *t, unsigned short columns)
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };
	char name[64];

	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (t->master < 0 || grantpt(t->master) < 0 || unlockpt(t->master) < 0 ||
	    ptsname_r(t->master, name, sizeof(name)) != 0)
		return false;
	t->slave = open(name, O_RDWR | O_NOCTTY);
	return t->slave >= 0 && ioctl(t->slave, TIOCSWINSZ, &size) == 0;
}

static void assert_shown(struct terminal *t, const char *want)
{
	char got[256] = "";

	assert_true(read(t->master, got, sizeof(got) - 1) > 0);
	assert_string_equal(got, want);
}

static void test_drawn_on_a_terminal_and_taken_away(void **state)
{
	(void)state;
	struct session_stats s = { .samples = 7,
				   .duration_ns = 1000000000,
				   .self_cpu_ns = 500000000 };
	struct terminal t;
	struct progress p;

	if (!terminal_open(&t, 50))
		skip();
	progress_init(&p, t.slave);
	assert_true(progress_due(&p));
	progress_draw(&p, &s, 1000000000);
	assert_shown(&t, "\r1.0 s left | 7 samples, 0 lost\033[K");
	/* 10 ms in half a second since the first line, cut before the last column. */
	s.duration_ns += 500000000;
	s.self_cpu_ns += 10000000;
	progress_draw(&p, &s, 500000000);
	assert_shown(&t, "\r0.5 s left | 7 samples, 0 lost | profiler 2.0% CP\033[K");
	assert_false(progress_due(&p));
	p.drawn_ns -= PROGRESS_PERIOD_NS;
	assert_true(progress_due(&p));
	progress_deinit(&p);
	assert_shown(&t, "\r\033[K");
	assert_false(progress_due(&p));
	assert_int_equal(fcntl(t.slave, F_GETFL) & O_NONBLOCK, 0);
	close(t.master);
	close(t.slave);
}

/* As after Ctrl-S, and with a connection that nobody reads from. */
static void test_a_terminal_that_takes_nothing_holds_nobody_up(void **state)
{
	(void)state;
	const struct session_stats s = { .samples = 7 };
	struct terminal t;
	struct progress p;

	if (!terminal_open(&t, 200))
		skip();
	assert_int_equal(tcflow(t.slave, TCOOFF), 0);
	progress_init(&p, t.slave);
	uint64_t start_ns = clock_mono_ns();
	for (int i = 0; i < 2000; i++)
		progress_draw(&p, &s, 1000000000);
	assert_in_range(clock_mono_ns() - start_ns, 0, 5000000000);
	progress_deinit(&p);
	close(t.master);
	close(t.slave);
}

static void test_nothing_is_shown_elsewhere(void **state)
{
	(void)state;
	struct progress p;
	int ends[2];
	char byte;

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	progress_init(&p, ends[1]);
	assert_false(progress_due(&p));
	progress_deinit(&p);
	assert_int_equal(read(ends[0], &byte, 1), -1);
	progress_init(&p, -1);
	assert_false(progress_due(&p));
	progress_deinit(&p);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_drawn_on_a_terminal_and_taken_away),
		cmocka_unit_test(test_a_terminal_that_takes_nothing_holds_nobody_up),
		cmocka_unit_test(test_nothing_is_shown_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
