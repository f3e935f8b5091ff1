// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "elf/go_functions.h"
#include "sym/gofunc.h"
#include "sym/symbols.h"
#include "sym_program.h"

static const char source[] = "package main\n"
			     "type Server struct{ n int }\n"
			     "//go:noinline\n"
			     "func (s *Server) serve(f func() int) int { s.n += f(); return s.n }\n"
			     "func main() { s := &Server{}\n"
			     "println(s.serve(func() int { return len(make([]int, s.n+1)) })) }\n";

static bool built;

/* Without Go the tests are skipped. */
static int setup(void **state)
{
	char command[256];

	if (program_setup(state) < 0)
		return -1;
	program_write("main.go", source);
	snprintf(command, sizeof(command),
		 "cd %s && PATH=\"$PATH:/usr/local/go/bin\" go build -o full main.go 2>/dev/null",
		 program_dir);
	built = system(command) == 0;
	if (built)
		program_run("strip -s full -o stripped");
	return 0;
}

/* Each function of a stripped program has the name that the symbol table had. */
static void test_names_of_a_stripped_program(void **state)
{
	(void)state;
	struct symtab_symbol name, symbol;
	struct symtab *symtab = NULL;
	struct gofunc *t = NULL;
	struct go_functions all;
	struct go_function function;
	size_t compared = 0;

	if (!built)
		skip();
	struct program full = program_open("full"), stripped = program_open("stripped");
	assert_int_equal(symtab_create(full.elf, SYMTAB_STATIC, &symtab, NULL), 0);
	assert_int_equal(symtab_create(stripped.elf, SYMTAB_STATIC, &(struct symtab *){ 0 }, NULL),
			 -ENOENT);
	assert_int_equal(gofunc_create(stripped.elf, &t, NULL), 0);
	assert_true(go_functions_init(&all, full.elf));
	for (uint32_t i = 0; i < all.len; i++) {
		assert_true(go_functions_get(&all, i, &function));
		if (!symtab_find_start(symtab, function.start, &symbol))
			continue;
		assert_true(gofunc_find(t, function.start, &name));
		assert_int_equal(name.start, function.start);
		assert_true(gofunc_find(t, function.end - 1, &name));
		assert_int_equal(name.start, function.start);
		/* In the symbol table assembly's have a suffix, generic functions their types, and
		 * middle dots are full stops. */
		size_t len = strcspn(name.name, "[\xc2");
		if (symbol.name_len < len || memcmp(name.name, symbol.name, len) != 0)
			fail_msg("%s is named %s", symbol.name, name.name);
		compared++;
	}
	print_message("%zu names compared\n", compared);
	assert_true(compared > 1000);
	assert_false(gofunc_find(t, 1, &name));
	gofunc_destroy(t);
	symtab_destroy(symtab);
	program_close(&stripped);
	program_close(&full);
}

/* They are found among all sources, after the symbol tables. */
static void test_names_are_used(void **state)
{
	(void)state;
	static const struct {
		const char *program;
		enum symbols_source source;
	} cases[] = { { "stripped", SYMBOLS_GO }, { "full", SYMBOLS_DWARF } };
	static const char *const names[] = { "main.main", "main.(*Server).serve" };
	static const char *const patterns[] = { "main.main", "main...Server..serve" }; /* grep's */

	if (!built)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct program p = program_open(cases[i].program);
		struct debugfile_place place = { -1, p.path };
		struct symbols_result result;
		struct symbols *s;

		assert_int_equal(symbols_create(p.elf, &place, &s, NULL), 0);
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			uint64_t addr = program_symbol("full", patterns[k], NULL);
			assert_int_equal(symbols_resolve(s, &addr, 1, &result, NULL), 0);
			assert_int_equal(result.source, cases[i].source);
			assert_int_equal(result.len, 1);
			assert_string_equal(result.frames[0].name, names[k]);
		}
		symbols_destroy(s);
		program_close(&p);
	}
}

static void test_other_programs_have_no_table(void **state)
{
	(void)state;
	struct gofunc *t = NULL;

	program_write("a.c", "int main(void) { return 0; }\n");
	program_run("cc a.c -o a");
	struct program p = program_open("a");
	assert_int_equal(gofunc_create(p.elf, &t, NULL), -ENOENT);
	assert_null(t);
	program_close(&p);
}

/* A table whose addresses are not those of the code names nothing: here the code is gone. */
static void test_a_table_of_other_code(void **state)
{
	(void)state;
	struct gofunc *t = NULL;

	if (!built)
		skip();
	program_run("cp stripped empty");
	struct program p = program_open("empty");
	struct elf_range text;
	assert_int_equal(elf_file_section(p.elf, ".text", &text, NULL), 0);
	size_t size = text.size;
	off_t at = 0;
	vec_for_each(s, &p.elf->segments)
		if (text.vaddr >= s->vaddr && text.vaddr < s->vaddr + s->filesz)
			at = (off_t)(text.vaddr - s->vaddr + s->offset);
	program_close(&p);
	program_run("head -c %zu /dev/zero | dd of=empty bs=4096 oflag=seek_bytes seek=%jd "
		    "conv=notrunc 2>/dev/null",
		    size, (intmax_t)at);
	p = program_open("empty");
	assert_int_equal(gofunc_create(p.elf, &t, NULL), -ENOENT);
	assert_null(t);
	program_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_a_stripped_program),
		cmocka_unit_test(test_names_are_used),
		cmocka_unit_test(test_other_programs_have_no_table),
		cmocka_unit_test(test_a_table_of_other_code),
	};
	return cmocka_run_group_tests(tests, setup, program_teardown);
}
