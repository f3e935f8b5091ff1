// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Functions whose CFA hangs on rbx, as the dynamic linker's lazy binding has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sym_program.h"
#include "unwind/base_calls.h"
#include "unwind/tables.h"

#define PROC(name, body)                                                                           \
	".p2align 4\n.globl " name "\n.type " name ",@function\n" name ":\n.cfi_startproc\n" body  \
	".cfi_endproc\n"

/* `resolve` begins at 0 in .text; its call ends at CALL_END. */
#define RESOLVE(call)                                                                              \
	PROC("resolve", "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbx, 0\n"           \
			"mov %rsp,%rbx\n.cfi_def_cfa_register %rbx\n"                              \
			"and $-64,%rsp\nsub 0x100(%rip),%rsp\n" call                               \
			"mov %rbx,%rsp\n.cfi_def_cfa_register %rsp\n"                              \
			"pop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbx\nret\n")
#define CALL_END 20
#define FIXUP                                                                                      \
	PROC("fixup", "push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp, 0\n"             \
		      "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbx, 0\n"             \
		      "nop\npop %rbx\n.cfi_adjust_cfa_offset -8\n"                                 \
		      "pop %rbp\n.cfi_adjust_cfa_offset -8\nret\n")

static const struct {
	const char *name, *source;
	size_t calls;
	int32_t saved;
} cases[] = {
	{ "one call", RESOLVE("call fixup\n") FIXUP, 1, -24 },
	{ "a call through a register", RESOLVE("call *%r11\nnop\nnop\n") FIXUP, 0, 0 },
	{ "a callee that does not save rbx", RESOLVE("call fixup\n") PROC("fixup", "ret\n"), 0, 0 },
	{ "a callee without CFI", RESOLVE("call fixup\n") "fixup: ret\n", 0, 0 },
	{ "a callee that saves rbx in two places",
	  RESOLVE("call fixup\n")
		  PROC("fixup", "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbx, 0\n"
				"pop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbx\n"
				"push %rbp\n.cfi_adjust_cfa_offset 8\n"
				"push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbx, 0\n"
				"ret\n"),
	  0, 0 },
	{ "a call of the middle of a function", RESOLVE("call fixup + 1\n") FIXUP, 0, 0 },
	{ "a CFA that hangs on rsp", PROC("resolve", "call fixup\nret\n") FIXUP, 0, 0 },
};

static struct program program_make(const char *source)
{
	struct buf text = { 0 };

	buf_printf(&text, ".text\n%s", source);
	program_write("case.s", text.data);
	program_run("gcc -nostdlib -shared -Wl,-Bsymbolic -Wl,-z,noexecstack case.s -o case.so");
	buf_deinit(&text);
	return program_open("case.so");
}

static uint64_t text_of(struct program *p)
{
	struct elf_range text;

	assert_int_equal(elf_file_section(p->elf, ".text", &text, NULL), 0);
	return text.vaddr;
}

static void test_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct program p = program_make(cases[i].source);
		struct base_calls calls = { 0 };
		struct elf_range section;
		struct cfi_table table;

		assert_int_equal(elf_file_eh_frame(p.elf, &section, NULL), 0);
		assert_int_equal(cfi_table_init(&table, section), 0);
		assert_int_equal(base_calls_find(&calls, p.elf, &table), 0);
		if (calls.items.len != cases[i].calls)
			fail_msg("%s: %zu calls", cases[i].name, calls.items.len);
		if (cases[i].calls) {
			const struct base_call *call = base_calls_next(&calls, 0, UINT64_MAX);
			assert_int_equal(call->vaddr, text_of(&p) + CALL_END - 1);
			assert_int_equal(call->saved, cases[i].saved);
			assert_true(base_calls_callee(&calls, call->callee));
			assert_null(base_calls_next(&calls, call->vaddr + 1, UINT64_MAX));
			assert_null(base_calls_next(&calls, 0, call->vaddr));
		}
		base_calls_deinit(&calls);
		cfi_table_deinit(&table);
		program_close(&p);
	}
}

static struct unwind_rule rules[UNWIND_RULES];
static struct unwind_page pages[64];
static struct unwind_row rows[UNWIND_SEGMENT_ROWS];

static void *segment(void *ctx, uint32_t i)
{
	(void)ctx;
	return i == 0 ? rows : NULL;
}

/* The call's last byte alone is left by what the callee saved, and the callee by nothing while it
 * has not saved it. */
static void test_rules(void **state)
{
	struct unwind_memory memory = {
		.rules = rules, .pages = pages, .pages_len = ARRAY_SIZE(pages), .segment = segment
	};
	struct program p = program_make(RESOLVE("call fixup\n") FIXUP);
	uint64_t resolve = text_of(&p), fixup = resolve + 32;
	struct unwind_tables *tables;
	struct unwind_rule rule;
	uint32_t dir;

	(void)state;
	assert_int_equal(unwind_tables_create(&memory, &tables, NULL), 0);
	assert_int_equal(unwind_tables_add(tables, p.elf, &dir, NULL), 0);
	unwind_tables_rule(tables, dir, resolve + CALL_END - 1, &rule);
	assert_int_equal(rule.cfa, UNWIND_CFA_SP_MEM);
	assert_int_equal(rule.cfa_off, -24);
	assert_int_equal(rule.cfa_add, 16);
	assert_int_equal(rule.ra, UNWIND_RA_CFA);
	static const uint64_t by_register[] = { 4, CALL_END - 5, CALL_END - 2, CALL_END };
	for (size_t i = 0; i < ARRAY_SIZE(by_register); i++) {
		unwind_tables_rule(tables, dir, resolve + by_register[i], &rule);
		assert_int_equal(rule.cfa, UNWIND_CFA_REG);
		assert_int_equal(rule.reg, UNWIND_REG_BX);
		assert_int_equal(rule.cfa_off, 16);
	}
	static const uint8_t callee[] = { UNWIND_CFA_EXPR, UNWIND_CFA_EXPR, UNWIND_CFA_SP,
					  UNWIND_CFA_SP, UNWIND_CFA_SP };
	for (size_t i = 0; i < ARRAY_SIZE(callee); i++) {
		struct cursor expr;
		unwind_tables_rule(tables, dir, fixup + i, &rule);
		assert_int_equal(rule.cfa, callee[i]);
		assert_false(unwind_tables_expr(tables, &rule, &expr));
	}
	unwind_tables_destroy(tables);
	program_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_rules),
	};
	return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
