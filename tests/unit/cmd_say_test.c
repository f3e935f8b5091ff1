// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cmd/say.h"

static void test_lines_drive_no_terminal(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "no process 7", "cprofbpf: no process 7\n" },
		{ "'evil\x1b]0;title\x07'", "cprofbpf: 'evil?]0;title?'\n" },
		{ "two\nlines\r\t\x7f", "cprofbpf: two?lines???\n" },
		{ "caf\xc3\xa9 100% %s", "cprofbpf: caf\xc3\xa9 100% %s\n" },
		{ "", "cprofbpf: \n" },
	};
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char got[256] = "";
		struct err e = { 0 };
		int saved = dup(STDERR_FILENO);

		err_plain(&e, -1, "%s", cases[i].text);
		dup2(ends[1], STDERR_FILENO);
		say_err(&e);
		dup2(saved, STDERR_FILENO);
		close(saved);
		assert_true(read(ends[0], got, sizeof(got) - 1) > 0);
		assert_string_equal(got, cases[i].want);
	}
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_drive_no_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
