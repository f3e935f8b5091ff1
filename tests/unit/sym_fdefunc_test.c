// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sym/fdefunc.h"
#include "sym_program.h"

static const char source[] = "#include <stdio.h>\n"
			     "__attribute__((noinline)) static int inner(volatile int a)\n"
			     "{ return a * 3; }\n"
			     "__attribute__((noinline)) int outer(int a)\n"
			     "{ return inner(a) + inner(a + 1); }\n"
			     "int main(int argc, char **argv)\n"
			     "{ (void)argv; return printf(\"%d\", outer(argc)); }\n";

static const char *const links[] = {
	"-fPIE -pie",
	"-fno-pie -no-pie",
	"-static -fno-pie -no-pie",
	"-fPIE -static-pie",
	"-fPIE -pie -Wl,--no-eh-frame-hdr",
	"-fPIE -pie -Wl,-z,norelro -Wl,-z,now",
};

static const struct {
	const char *symbol, *name;
} functions[] = {
	{ "_start", "_start" },
	{ "main", "main" },
	{ "outer", NULL },
	{ "inner", NULL },
};

static void test_functions_of_programs(void **state)
{
	(void)state;
	program_write("a.c", source);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		struct fdefunc *t;
		struct fdefunc_function f;
		program_run("cc -O2 %s a.c -o a && strip a -o a.stripped", links[i]);
		struct program p = program_open("a.stripped");
		assert_int_equal(fdefunc_create(p.elf, &t, NULL), 0);
		for (size_t k = 0; k < ARRAY_SIZE(functions); k++) {
			uint64_t size, addr = program_symbol("a", functions[k].symbol, &size);
			assert_true(size > 0);
			assert_true(fdefunc_find(t, addr, &f));
			assert_int_equal(f.start, addr);
			assert_int_equal(f.end, addr + size);
			if (functions[k].name)
				assert_string_equal(f.name, functions[k].name);
			else
				assert_null(f.name);
			assert_true(fdefunc_find(t, addr + size - 1, &f));
			assert_int_equal(f.start, addr);
		}
		assert_false(fdefunc_find(t, 1, &f));
		assert_false(fdefunc_find(t, UINT64_MAX, &f));
		fdefunc_destroy(t);
		program_close(&p);
	}
}

/* A program's entry point has no FDE where its start file was written without CFI. */
static void test_entry_without_fde(void **state)
{
	(void)state;
	struct fdefunc *t;
	struct fdefunc_function f;
	program_write("start.s", ".globl _start, main\n"
				 "_start: xor %ebp, %ebp\n lea main(%rip), %rdi\n hlt\n"
				 "main: .cfi_startproc\n ret\n .cfi_endproc\n");
	program_run("cc -nostdlib -static-pie start.s -o start");
	struct program p = program_open("start");
	assert_int_equal(fdefunc_create(p.elf, &t, NULL), 0);
	uint64_t entry = program_symbol("start", "_start", NULL);
	assert_true(fdefunc_find(t, entry + 3, &f));
	assert_string_equal(f.name, "_start");
	assert_true(fdefunc_find(t, program_symbol("start", "main", NULL), &f));
	assert_string_equal(f.name, "main");
	fdefunc_destroy(t);
	program_close(&p);
}

static void test_libraries_have_no_entry(void **state)
{
	(void)state;
	struct fdefunc *t;
	struct fdefunc_function f;
	program_write("lib.c", "int f(int a) { return a + 1; }");
	program_run("cc -O2 -fPIC -shared -Wl,-e,f lib.c -o lib.so");
	struct program p = program_open("lib.so");
	assert_int_equal(fdefunc_create(p.elf, &t, NULL), 0);
	assert_true(fdefunc_find(t, program_symbol("lib.so", "f", NULL), &f));
	assert_null(f.name);
	fdefunc_destroy(t);
	program_close(&p);
}

/* The dynamic loader is a library that is run: every dynamic program begins in it. */
static void test_loader_has_an_entry(void **state)
{
	(void)state;
	struct fdefunc *t;
	struct fdefunc_function f;
	program_run("cp -L /lib64/ld-linux-x86-64.so.2 ld-linux-x86-64.so.2");
	struct program p = program_open("ld-linux-x86-64.so.2");
	assert_int_equal(fdefunc_create(p.elf, &t, NULL), 0);
	assert_true(fdefunc_find(t, p.elf->entry + 8, &f));
	assert_int_equal(f.start, p.elf->entry);
	assert_string_equal(f.name, "_start");
	fdefunc_destroy(t);
	program_close(&p);
}

static void test_no_table(void **state)
{
	(void)state;
	struct fdefunc *t = NULL;
	program_write("bare.s", ".globl _start\n_start: ret\n");
	program_run("cc -nostdlib -static bare.s -o bare");
	struct program p = program_open("bare");
	assert_int_equal(fdefunc_create(p.elf, &t, NULL), -ENOENT);
	assert_null(t);
	program_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_of_programs),
		cmocka_unit_test(test_entry_without_fde),
		cmocka_unit_test(test_libraries_have_no_entry),
		cmocka_unit_test(test_loader_has_an_entry),
		cmocka_unit_test(test_no_table),
	};
	return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
