// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "sym/entry.h"

#define VADDR 0x1000

static const struct {
	const char *name;
	uint8_t code[16];
	size_t len;
	uint64_t expected;
} cases[] = {
	{ "lea, forwards", { 0x48, 0x8d, 0x3d, 0x10, 0, 0, 0 }, 7, VADDR + 7 + 0x10 },
	{ "lea, backwards", { 0x48, 0x8d, 0x3d, 0xf0, 0xff, 0xff, 0xff }, 7, VADDR + 7 - 0x10 },
	{ "mov", { 0x48, 0xc7, 0xc7, 0x50, 0x10, 0x40, 0 }, 7, 0x401050 },
	{ "after other code",
	  { 0x31, 0xed, 0x31, 0xc9, 0x48, 0x8d, 0x3d, 0, 1, 0, 0, 0xff, 0x15 },
	  13,
	  VADDR + 4 + 7 + 0x100 },
	{ "cut short", { 0x48, 0x8d, 0x3d, 0x10, 0, 0 }, 6, 0 },
	{ "another register", { 0x48, 0x8d, 0x35, 0x10, 0, 0, 0 }, 7, 0 },
	{ "nothing", { 0 }, 0, 0 },
};

static void test_main_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t found = entry_main_x86_64(cases[i].code, cases[i].len, VADDR);
		if (found != cases[i].expected)
			fail_msg("%s: %#lx", cases[i].name, (unsigned long)found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_main_is_found) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
