// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "probe/insn.h"

static const struct {
	const char *name;
	uint8_t bytes[8];
	size_t len;
	bool emulated, refused;
} cases[] = {
	{ "push rax", { 0x50 }, 1, true, false },
	{ "push rdi", { 0x57 }, 1, true, false },
	{ "pop rax", { 0x58 }, 1, false, false },
	{ "push r12", { 0x41, 0x54 }, 2, true, false },
	{ "push r12, cut short", { 0x41 }, 1, false, true },
	{ "pop r12", { 0x41, 0x5c }, 2, false, false },
	{ "push rax with REX.W", { 0x48, 0x50 }, 2, false, false },
	{ "push imm8", { 0x6a, 0x10 }, 2, false, false },
	{ "nop", { 0x90 }, 1, true, false },
	{ "66 nop", { 0x66, 0x90 }, 2, false, false },
	{ "xchg r8, rax", { 0x41, 0x90 }, 2, false, false },
	{ "pause", { 0xf3, 0x90 }, 2, false, false },
	{ "nop of 5 bytes", { 0x0f, 0x1f, 0x44, 0, 0 }, 5, false, false },
	{ "endbr64", { 0xf3, 0x0f, 0x1e, 0xfa }, 4, false, false },
	{ "jo rel8", { 0x70, 1 }, 2, true, false },
	{ "jg rel8", { 0x7f, 1 }, 2, true, false },
	{ "jg rel8, cut short", { 0x7f }, 1, false, false },
	{ "jo rel32", { 0x0f, 0x80, 1, 2, 3, 4 }, 6, true, false },
	{ "jg rel32", { 0x0f, 0x8f, 1, 2, 3, 4 }, 6, true, false },
	{ "jg rel32, cut short", { 0x0f, 0x8f, 1, 2, 3 }, 5, false, false },
	{ "jg rel32 behind a hint", { 0x3e, 0x0f, 0x8f, 1, 2, 3, 4 }, 7, false, true },
	{ "seto", { 0x0f, 0x90, 0xc0 }, 3, false, false },
	{ "jmp rel8", { 0xeb, 1 }, 2, true, false },
	{ "jmp rel32", { 0xe9, 1, 2, 3, 4 }, 5, true, false },
	{ "jmp rel32, cut short", { 0xe9, 1, 2, 3 }, 4, false, false },
	{ "jmp rel32, bnd", { 0xf2, 0xe9, 1, 2, 3, 4 }, 6, false, false },
	{ "jrcxz", { 0xe3, 1 }, 2, false, false },
	{ "call rel32", { 0xe8, 1, 2, 3, 4 }, 5, true, false },
	{ "call *rax", { 0xff, 0xd0 }, 2, false, false },
	{ "ret", { 0xc3 }, 1, false, false },
	{ "mov rdi, rax", { 0x48, 0x89, 0xf8 }, 3, false, false },
	{ "mov fs:0, rax", { 0x64, 0x48, 0x8b, 0x04, 0x25 }, 5, false, false },
	{ "lock inc [rdi]", { 0xf0, 0xff, 0x07 }, 3, false, true },
	{ "mov cs:[rdi], eax", { 0x2e, 0x8b, 0x07 }, 3, false, true },
	{ "int3", { 0xcc }, 1, false, true },
	{ "hlt", { 0xf4 }, 1, false, true },
	{ "in", { 0xec }, 1, false, true },
	{ "EVEX", { 0x62, 0xf1, 0x7c, 0x48, 0x28, 0xc1 }, 6, false, true },
	{ "prefixes alone", { 0xf3, 0x48 }, 2, false, true },
	{ "nothing", { 0 }, 0, false, true },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (probe_insn_emulated(cases[i].bytes, cases[i].len) != cases[i].emulated ||
		    probe_insn_refused(cases[i].bytes, cases[i].len) != cases[i].refused)
			fail_msg("%s", cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
