// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What the .gopclntab of a Go program says, against its symbol table and its .debug_frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "unwind/go_heights.h"
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

static char dir[] = "/tmp/unwind_go.XXXXXX";
static bool built;

/* Build the smallest program, with its symbols and .debug_frame; without Go the tests are skipped.
 */
static int setup(void **state)
{
	static const char build[] = "cd %s && export PATH=\"$PATH:/usr/local/go/bin\" && "
				    "echo 'package main; func main() { println(1) }' >main.go && "
				    "go build -o program main.go 2>/dev/null";
	char command[sizeof(build) + sizeof(dir)];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(command, sizeof(command), build, dir);
	built = system(command) == 0;
	return 0;
}

static int teardown(void **state)
{
	char command[sizeof(dir) + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static int go_open(void)
{
	char path[sizeof(dir) + 16];

	snprintf(path, sizeof(path), "%s/program", dir);
	return built ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static void test_roots(void **state)
{
	(void)state;
	static const char *const names[] = { "runtime.goexit", "runtime.mstart", "runtime.rt0_go" };
	struct unwind_memory memory = {
		.rules = rules, .pages = pages, .pages_len = ARRAY_SIZE(pages), .segment = segment
	};
	_cleanup_close_ int fd = go_open();
	struct unwind_tables *t;
	struct unwind_rule rule;
	struct elf_file *f;
	struct err e;
	uint32_t entry;

	if (fd < 0)
		skip();
	assert_int_equal(elf_file_open_fd(fd, "go", &f, &e), 0);
	assert_int_equal(unwind_tables_create(&memory, &t, &e), 0);
	assert_int_equal(unwind_tables_add(t, f, &entry, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		GElf_Sym sym = symbol_find(f->elf, names[i]);

		print_message("%s at %#lx\n", names[i], sym.st_value);
		assert_true(sym.st_value != 0);
		assert_int_equal(unwind_tables_rule(t, entry, sym.st_value, &rule),
				 UNWIND_RULE_ROOT);
		assert_int_not_equal(unwind_tables_rule(t, entry, sym.st_value - 1, &rule),
				     UNWIND_RULE_ROOT);
	}
	unwind_tables_destroy(t);
	elf_file_close(f);
}

/* Every function of the table is in order, and named as the symbol table names it. */
static void test_functions(void **state)
{
	(void)state;
	_cleanup_close_ int fd = go_open();
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

/* The linker writes the heights a second time, as CFI for debuggers. */
static void test_heights(void **state)
{
	(void)state;
	_cleanup_close_ int fd = go_open();
	struct go_function function;
	struct go_functions g;
	struct elf_file *f;
	size_t compared = 0;

	if (fd < 0)
		skip();
	assert_int_equal(elf_file_open_fd(fd, "go", &f, NULL), 0);
	assert_true(go_functions_init(&g, f));
	Dwarf *dwarf = dwarf_begin(fd, DWARF_C_READ);
	Dwarf_CFI *cfi = dwarf_getcfi(dwarf);
	assert_non_null(cfi);
	for (uint32_t i = 0; i < g.len; i += 7) {
		assert_true(go_functions_get(&g, i, &function));
		struct go_height h = go_height_init(&function);
		while (function.kind == GO_BY_HEIGHT && go_height_next(&h)) {
			Dwarf_Frame *frame;
			Dwarf_Op *ops;
			size_t n;

			assert_true(h.end <= function.end);
			if (dwarf_cfi_addrframe(cfi, h.end - 1, &frame) != 0)
				continue;
			assert_int_equal(dwarf_frame_cfa(frame, &ops, &n), 0);
			assert_int_equal(n, 1);
			assert_int_equal(ops[0].number2 + ops[0].number, 7 + h.bytes + 8);
			free(frame);
			compared++;
		}
	}
	print_message("%zu heights compared\n", compared);
	assert_true(compared > 500);
	dwarf_end(dwarf);
	elf_file_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_heights),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
