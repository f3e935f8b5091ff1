// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Small libraries in assembly, with an operator new that leaves by one way or another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "probe_assembly.h"

#define EXITS_MAX 4
#define OTHER     64 /* where the code behind `_Znwm` begins */
#define AT_OTHER  ".org _Znwm+64,0x90\n"

/* Exits by their distance from the entry of `_Znwm`, ended by -1; none: it has no exits. */
static const struct {
	const char *name, *source;
	int exits[EXITS_MAX];
} cases[] = {
	{ "one return", FUNCTION("_Znwm", "push %rbx\n" WORK "pop %rbx\nret"), { 9, -1 } },
	{ "two, one of them with a prefix",
	  FUNCTION("_Znwm", "test %rdi,%rdi\nje 1f\n" WORK "ret\n1:" WORK "repz ret"),
	  { 12, 20, -1 } },
	{ "a loop", FUNCTION("_Znwm", "1: dec %rdi\njne 1b\n" WORK "ret"), { 12, -1 } },
	{ "a part that the compiler has moved elsewhere",
	  FUNCTION("_Znwm", "test %rdi,%rdi\nje cold\n" WORK "ret") AT_OTHER "cold:" WORK "ret",
	  { 12, OTHER + 7, -1 } },
	{ "a function in its place",
	  FUNCTION("_Znwm", WORK "jmp own") AT_OTHER "own: push %rbx\n" WORK "pop %rbx\nret",
	  { OTHER + 9, -1 } },
	{ "a way that ends in an exception",
	  FUNCTION("_Znwm", "test %rdi,%rdi\nje 1f\n" WORK "ret\n1: call __cxa_throw@plt\nret"),
	  { 12, -1 } },
	{ "calls go on", FUNCTION("_Znwm", WORK "call own\nret") AT_OTHER "own: ret", { 12, -1 } },
	{ "two functions with an exit in common",
	  FUNCTION("_Znwm", WORK "jmp own") FUNCTION("_Znam", WORK "jmp own") AT_OTHER "own: ret",
	  { OTHER, -1 } },

	{ "never returns", FUNCTION("_Znwm", WORK "1: jmp 1b"), { -1 } },
	{ "a jump to an allocation function",
	  FUNCTION("_Znwm", "test %rdi,%rdi\nje 1f\n" WORK "ret\n1: jmp malloc"),
	  { -1 } },
	{ "a jump to another file",
	  FUNCTION("_Znwm", "test %rdi,%rdi\nje 1f\n" WORK "ret\n1: jmp other@plt"),
	  { -1 } },
	{ "a jump through a table",
	  FUNCTION("_Znwm", "test %rdi,%rdi\nje 1f\n" WORK "ret\n1: jmp *state(%rip)"),
	  { -1 } },
};

/* A function of as many returns as a number says, and one. */
#define RETURNS(number)                                                                            \
	MALLOC FREE FUNCTION("_Znwm",                                                              \
			     WORK ".rept " number "\ndec %rdi\njne 1f\nret\n1:\n.endr\nret")

static void check_many(const char *source, size_t exits)
{
	struct alloc_probes probes = { 0 };
	struct err e = { 0 };

	assemble("case.so", source, "-shared");
	struct program p = program_open("case.so");
	assert_int_equal(alloc_probes_find(p.elf, ALLOCATORS_ALL, &probes, &e), 0);
	assert_int_equal(probes.exits.len, exits);
	assert_int_equal(find_probe(&probes, "_Znwm")->exits, exits > 0);
	alloc_probes_deinit(&probes);
	program_close(&p);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct alloc_probes probes = { 0 };
		struct err e = { 0 };
		struct buf source = { 0 };
		size_t n = 0;

		buf_printf(&source, "%s\n%s", cases[i].source, MALLOC FREE);
		assemble("case.so", source.data, "-shared");
		struct program p = program_open("case.so");
		assert_int_equal(alloc_probes_find(p.elf, ALLOCATORS_ALL, &probes, &e), 0);
		const struct alloc_probe *probe = find_probe(&probes, "_Znwm");
		if (!probe || probe->returns || probe->exits != (cases[i].exits[0] >= 0))
			fail_msg("%s: returns or exits", cases[i].name);
		for (; cases[i].exits[n] >= 0; n++)
			if (n >= probes.exits.len || probes.exits.items[n].vaddr - probe->entry !=
							     (uint64_t)cases[i].exits[n])
				fail_msg("%s: no exit at %d", cases[i].name, cases[i].exits[n]);
		if (n != probes.exits.len)
			fail_msg("%s: %zu exits", cases[i].name, probes.exits.len);
		vec_for_each(exit, &probes.exits) {
			uint8_t byte = 0;

			assert_int_equal(pread(p.fd, &byte, 1, (off_t)exit->offset), 1);
			assert_true(byte == 0xc3 || byte == 0xf3);
			assert_int_equal(exit->entry, find_probe(&probes, exit->name)->entry);
		}
		alloc_probes_deinit(&probes);
		program_close(&p);
		buf_deinit(&source);
	}
}

static void test_many_exits(void **state)
{
	(void)state;
	check_many(RETURNS("63"), 64);
	check_many(RETURNS("64"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_many_exits),
	};
	return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
