// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The roots found by the .gopclntab of a Go program, against its symbol table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>

#include "base/cleanup.h"
#include "unwind/go_functions.h"
#include "unwind/tables.h"

static struct unwind_rule rules[UNWIND_RULES];
static struct unwind_page pages[4096];
static struct unwind_row rows[UNWIND_SEGMENT_ROWS];

static void *segment(void *ctx, uint32_t i)
{
	(void)ctx;
	return i == 0 ? rows : NULL;
}

/* Functions in the assembler's ABI have a suffix in the symbol table only. */
static bool symbol_is(const char *symbol, const char *name)
{
	size_t len = strlen(name);

	return strncmp(symbol, name, len) == 0 &&
	       (symbol[len] == '\0' || strcmp(symbol + len, ".abi0") == 0);
}

static GElf_Sym symbol_find(Elf *elf, const char *name)
{
	Elf_Scn *scn = NULL;
	GElf_Sym sym = { 0 };

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;

		gelf_getshdr(scn, &shdr);
		if (shdr.sh_type != SHT_SYMTAB)
			continue;
		for (int i = 0; gelf_getsym(elf_getdata(scn, NULL), i, &sym); i++)
			if (symbol_is(elf_strptr(elf, shdr.sh_link, sym.st_name), name))
				return sym;
	}
	return (GElf_Sym){ 0 };
}

static void test_roots(void **state)
{
	(void)state;
	static const char *const paths[] = { "/usr/local/go/bin/go", "/usr/lib/go/bin/go" };
	static const char *const names[] = { "runtime.goexit", "runtime.mstart", "runtime.rt0_go" };
	struct unwind_memory memory = {
		.rules = rules, .pages = pages, .pages_len = ARRAY_SIZE(pages), .segment = segment
	};
	_cleanup_close_ int fd = -1;
	struct unwind_tables *t;
	struct unwind_rule rule;
	struct elf_file *f;
	struct err e;
	uint32_t dir;

	for (size_t i = 0; fd < 0 && i < ARRAY_SIZE(paths); i++)
		fd = open(paths[i], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		skip();
	assert_int_equal(elf_file_open_fd(fd, "go", &f, &e), 0);
	assert_int_equal(unwind_tables_create(&memory, &t, &e), 0);
	assert_int_equal(unwind_tables_add(t, f, &dir, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		GElf_Sym sym = symbol_find(f->elf, names[i]);

		print_message("%s at %#lx\n", names[i], sym.st_value);
		assert_true(sym.st_value != 0);
		assert_int_equal(unwind_tables_rule(t, dir, sym.st_value, &rule), UNWIND_RULE_ROOT);
		assert_int_equal(unwind_tables_rule(t, dir, sym.st_value - 1, &rule),
				 UNWIND_RULE_NONE);
	}
	assert_int_equal(unwind_tables_rule(t, dir, f->entry, &rule), UNWIND_RULE_ROOT);
	unwind_tables_destroy(t);
	elf_file_close(f);
}

/* Every function of the table is in order, and named as the symbol table names it. */
static void test_functions(void **state)
{
	(void)state;
	_cleanup_close_ int fd = open("/usr/local/go/bin/go", O_RDONLY | O_CLOEXEC);
	struct go_function function, last = { 0 };
	struct go_functions g;
	struct elf_file *f;

	if (fd < 0)
		skip();
	assert_int_equal(elf_file_open_fd(fd, "go", &f, NULL), 0);
	assert_true(go_functions_init(&g, f));
	assert_true(g.len > 1000);
	for (uint32_t i = 0; i < g.len; i++) {
		assert_true(go_functions_get(&g, i, &function));
		assert_true(function.start >= last.end && function.end > function.start);
		if (strcmp(function.name, "main.main") == 0)
			assert_int_equal(symbol_find(f->elf, "main.main").st_value, function.start);
		last = function;
	}
	assert_false(go_functions_get(&g, UINT32_MAX, &function));
	elf_file_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_functions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
