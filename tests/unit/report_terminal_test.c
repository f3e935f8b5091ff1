// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "report/terminal.h"

#define HEADS       "      flat  flat%   sum%        cum   cum%\n"
#define BOLD_HEADS  "\033[1m      flat  flat%   sum%        cum   cum%\033[0m\n"
#define TREE_LEGEND "      flat  flat%   sum%        cum   cum%   calls calls% + context \t \t \n"
#define BOLD_TREE_LEGEND                                                                           \
	"\033[1m      flat  flat%   sum%        cum   cum%   calls calls% + context \t \t "        \
	"\033[0m\n"

static const struct {
	const char *name;
	enum report_kind kind;
	struct terminal t;
	const char *text, *expected;
} cases[] = {
	{ "shares are red, green, plain or faint, sums never",
	  REPORT_TEXT,
	  { 0, true },
	  "Showing nodes accounting for 500ms, 35.21% of 1420ms total\n" HEADS
	  "     500ms 35.21% 35.21%       10ms  0.70%  f\n"
	  "       1ms   0.1% 35.31%          0     0%  g\n",
	  "Showing nodes accounting for 500ms, 35.21% of 1420ms total\n" BOLD_HEADS
	  "     \033[31m500ms 35.21%\033[0m 35.21%       \033[32m10ms  0.70%\033[0m  f\n"
	  "       1ms   0.1% 35.31%          \033[2m0     0%\033[0m  g\n" },
	{ "names like numbers",
	  REPORT_TEXT,
	  { 0, true },
	  HEADS "       1ms   0.1% 35.31%        1ms   0.1%  7 50% 50%\n",
	  BOLD_HEADS "       1ms   0.1% 35.31%        1ms   0.1%  7 50% 50%\n" },
	{ "without colours nothing changes",
	  REPORT_TEXT,
	  { 0, false },
	  HEADS "     500ms 35.21% 35.21%       10ms  0.70%  f",
	  HEADS "     500ms 35.21% 35.21%       10ms  0.70%  f\n" },
	{ "a table is cut, in characters, and its header is not",
	  REPORT_TEXT,
	  { 80, false },
	  "command: "
	  "12345678901234567890123456789012345678901234567890123456789012345678901234\n" HEADS
	  "     500ms 35.21% 35.21%       10ms  0.70%  größe_901234567890123456789012\n"
	  "     500ms 35.21% 35.21%       10ms  0.70%  größe_901234567890123456789012345678\n"
	  "     500ms 35.21% 35.21%       10ms  0.70%  größe_9012345678901234567890123456789\n",
	  "command: "
	  "12345678901234567890123456789012345678901234567890123456789012345678901234\n" HEADS
	  "     500ms 35.21% 35.21%       10ms  0.70%  größe_901234567890123456789012\n"
	  "     500ms 35.21% 35.21%       10ms  0.70%  größe_901234567890123456789012345678\n"
	  "     500ms 35.21% 35.21%       10ms  0.70%  größe_90123456789012345678901234567…\n" },
	{ "of names 30 characters stay",
	  REPORT_TRACES,
	  { 10, false },
	  "      10ms   123456789012345678901234567890\n"
	  "             1234567890123456789012345678901\n",
	  "      10ms   123456789012345678901234567890\n"
	  "             12345678901234567890123456789…\n" },
	{ "colours end where a line is cut",
	  REPORT_TREE,
	  { 1, true },
	  TREE_LEGEND "     1ms 35.21% 35.21%       10ms  9.70%                | "
		      "12345678901234567890123456789012345678901234567890\n",
	  BOLD_TREE_LEGEND "     \033[31m1ms 35.21%\033[0m 35.21%       \033[31m10ms  9.70%\033[0m"
			   "                | \033[1m123456789012345678901234567890123…\033[0m\n" },
	{ "a tree's edges",
	  REPORT_PEEK,
	  { 0, true },
	  "-----+--\n" TREE_LEGEND "          580ms   100% |   caller 90% |\n",
	  "\033[2m-----+--\033[0m\n" BOLD_TREE_LEGEND
	  "          \033[31m580ms   100%\033[0m |   caller 90% |\n" },
	{ "a listing",
	  REPORT_LIST,
	  { 0, true },
	  "Total: 1s\nROUTINE ======================== f in a.c\n"
	  "         .          .      6:{\n         .      580ms      7:	g();\n",
	  "Total: 1s\n\033[1mROUTINE ======================== f in a.c\033[0m\n"
	  "\033[2m         .          .      6:{\033[0m\n         .      580ms      7:	g();\n" },
	{ "tabs take room",
	  REPORT_LIST,
	  { 59, false },
	  "         .          .      6:\t\t\t12345678901\n         .          .      "
	  "6:\t\t\t123456789012\n",
	  "         .          .      6:\t\t\t12345678901\n         .          .      "
	  "6:\t\t\t1234567890…\n" },
	{ "tags",
	  REPORT_TAGS,
	  { 0, true },
	  " cpu: Total 4s of 4s (  100%)\n      3s (75.00%): 0\n\n pid: Total 1s of 4s (25.00%)\n",
	  "\033[1m cpu: Total 4s of 4s (  100%)\033[0m\n      \033[31m3s (75.00%\033[0m): 0\n\n"
	  "\033[1m pid: Total 1s of 4s (25.00%)\033[0m\n" },
	{ "no control character gets through",
	  REPORT_COMMENTS,
	  { 5, true },
	  "a\033[31mb\x7f\xc2\x9b"
	  "c\xff\tgröße, not cut\n",
	  "a?[31mb??c\xef\xbf\xbd\tgröße, not cut\n" },
	{ "nothing", REPORT_TEXT, { 80, true }, "", "" },
};

static void test_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = strdup(cases[i].text), *got = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&got, &len);
		assert_non_null(out);
		terminal_print(cases[i].kind, text, &cases[i].t, out);
		assert_int_equal(fclose(out), 0);
		if (strcmp(got, cases[i].expected) != 0)
			fail_msg("%s: got\n%s", cases[i].name, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_print) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
