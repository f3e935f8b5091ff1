// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "sym/symtab.h"
#include "sym_program.h"

#define NOTHING UINT64_MAX

/* 0x100 bytes of code at a fixed address, which the symbols below cut up. */
static const char code[] = "	.section fixed,\"ax\",@progbits\n"
			   "base:	.skip 0x100, 0x90\n"
			   "	.macro symbol name, at, bytes, type=@function\n"
			   "	.set \\name, base + \\at\n"
			   "	.type \\name, \\type\n"
			   "	.size \\name, \\bytes\n"
			   "	.endm\n"
			   "	.data\n"
			   "	.globl not_code\n"
			   "not_code: .quad 0\n"
			   "	.text\n"
			   "	.globl _start\n"
			   "_start: ret\n";

struct lookup {
	unsigned addr;    /* from base */
	const char *name; /* NULL: nothing there */
};

static const struct {
	const char *name, *symbols;
	struct lookup lookups[5];
} cases[] = {
	{ "size bounds a symbol",
	  ".globl f\n symbol f, 0x10, 0x20\n",
	  { { 0x10, "f" }, { 0x2f, "f" }, { 0x30, NULL } } },
	{ "global before local",
	  "symbol a, 0, 8\n .globl long_name\n symbol long_name, 0, 8\n",
	  { { 0, "long_name" } } },
	{ "fewer underscores first",
	  ".globl __libc_f, f_weak\n .weak f_weak\n symbol __libc_f, 0, 8\n symbol f_weak, 0, 8\n",
	  { { 0, "f_weak" } } },
	{ "sized before global",
	  ".globl unsized\n symbol unsized, 0, 0\n symbol sized, 0, 8\n",
	  { { 0, "sized" }, { 8, NULL } } },
	{ "function before label",
	  ".globl a, function\n symbol a, 0, 8, @notype\n symbol function, 0, 8\n",
	  { { 0, "function" } } },
	{ "indirect functions count",
	  ".globl f\n symbol f, 0, 8, @gnu_indirect_function\n",
	  { { 4, "f" } } },
	{ "objects do not",
	  ".globl f\n symbol f, 0, 8, @object\n symbol g, 0x80, 8\n",
	  { { 4, NULL } } },
	{ "a label in a sized function is dropped",
	  ".globl f\n symbol f, 0, 0x40\n symbol label, 0x20, 0, @notype\n",
	  { { 0x20, "f" }, { 0x3f, "f" } } },
	{ "without a size up to the next",
	  "symbol f, 0x10, 0\n symbol g, 0x20, 8\n symbol h, 0x40, 0\n",
	  { { 0x1f, "f" }, { 0x20, "g" }, { 0x28, NULL }, { 0xff, "h" }, { 0x100, NULL } } },
	{ "a function in a function",
	  "symbol outer, 0, 0x80\n symbol inner, 0x20, 0x10\n",
	  { { 0x1f, "outer" }, { 0x20, "inner" }, { 0x2f, "inner" }, { 0x30, "outer" } } },
	{ "versions are cut, but for an @ in front",
	  " .macro quoted name, at\n .set \"\\name\", base + \\at\n"
	  " .globl \"\\name\"\n .type \"\\name\", @function\n .size \"\\name\", 8\n .endm\n"
	  " quoted f@@V_1, 0\n quoted g@V_1, 8\n quoted @h, 16\n",
	  { { 0, "f" }, { 8, "g" }, { 16, "@h" } } },
};

static void expect(const struct symtab *t, uint64_t addr, const char *name, const char *what)
{
	struct symtab_symbol s;
	bool found = symtab_find(t, addr, &s);

	if (found != (name != NULL) ||
	    (found && (s.name_len != strlen(name) || memcmp(s.name, name, s.name_len) != 0)))
		fail_msg("%s: %#lx is '%s', not '%s'", what, (unsigned long)addr,
			 found ? s.name : "nothing", name ? name : "nothing");
	if (found)
		assert_true(s.start <= addr && addr < s.end);
}

static void test_static_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf source = { 0 };
		struct symtab *t;
		buf_printf(&source, "%s%s", code, cases[i].symbols);
		program_write("a.s", source.data);
		buf_deinit(&source);
		program_run("cc -c a.s && ld -static -Ttext=0x401000 "
			    "--section-start=fixed=0x500000 a.o -o a 2>/dev/null");
		program_run("strip -N base a");
		struct program p = program_open("a");
		assert_int_equal(symtab_create(p.elf, SYMTAB_STATIC, &t, NULL), 0);
		for (size_t k = 0; k < ARRAY_SIZE(cases[i].lookups); k++) {
			const struct lookup *l = &cases[i].lookups[k];
			if (l->addr || l->name)
				expect(t, 0x500000 + l->addr, l->name, cases[i].name);
		}
		symtab_destroy(t);
		program_close(&p);
	}
}

/* Exported functions, one without a size, and a static one between them. */
static void test_dynamic_table(void **state)
{
	(void)state;
	struct symtab *t;
	struct symtab_symbol s;
	struct buf source = { 0 };
	buf_printf(&source,
		   "%s .globl f, g\n symbol f, 0x10, 0x10\n symbol hidden, 0x20, 0x10\n"
		   " symbol g, 0x30, 0\n",
		   code);
	program_write("lib.s", source.data);
	buf_deinit(&source);
	program_run("cc -c lib.s && ld -shared --section-start=fixed=0x500000 lib.o -o lib.so "
		    "&& strip lib.so");
	struct program p = program_open("lib.so");
	assert_int_equal(symtab_create(p.elf, SYMTAB_STATIC, &t, NULL), -ENOENT);
	assert_int_equal(symtab_create(p.elf, SYMTAB_DYNAMIC, &t, NULL), 0);
	expect(t, 0x500010, "f", "exported");
	expect(t, 0x50001f, "f", "exported");
	expect(t, 0x500020, NULL, "static");
	expect(t, 0x500030, NULL, "exported without a size");
	assert_true(symtab_find_start(t, 0x500030, &s));
	assert_string_equal(s.name, "g");
	assert_false(symtab_find_start(t, 0x500031, &s));
	symtab_destroy(t);
	program_close(&p);
}

/* Every function that binutils finds in libc, by its first and its last byte. */
static void test_agrees_with_nm(void **state)
{
	(void)state;
	struct buf path = { 0 }, out = { 0 };
	struct symtab *t;
	size_t checked = 0;
	program_write("a.c", "int main(void) { return 0; }");
	program_run("cc a.c -o a");
	program_output(&path, "ldd a | awk '/libc\\.so/ { printf \"%%s\", $3 }'");
	program_run("cp %s libc.so", path.data);
	program_output(&out, "nm -D -S --defined-only libc.so");
	struct program p = program_open("libc.so");
	assert_int_equal(symtab_create(p.elf, SYMTAB_DYNAMIC, &t, NULL), 0);
	for (char *line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned long addr, size;
		struct symtab_symbol s;
		char type;
		if (sscanf(line, "%lx %lx %c", &addr, &size, &type) != 3 || !strchr("TtWwi", type))
			continue;
		if (!symtab_find(t, addr, &s) || s.start != addr ||
		    !symtab_find(t, addr + size - 1, &s))
			fail_msg("%s", line);
		checked++;
	}
	assert_true(checked > 1000);
	symtab_destroy(t);
	program_close(&p);
	buf_deinit(&path);
	buf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_static_table),
		cmocka_unit_test(test_dynamic_table),
		cmocka_unit_test(test_agrees_with_nm),
	};
	return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
