// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The rows of real programs against libdw's reading of the same CFI: at thousands of addresses of
 * each file, one step from a made-up state must lead to the same caller. Memory is made up, too:
 * its words are a function of their address, so that a wrong one is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>

#include "base/cleanup.h"
#include "unwind/base_calls.h"
#include "unwind/tables.h"
#include "unwind/walk.h"

#define ADDRESSES 20000 /* per file, of each kind */
#define PAGES     (1u << 16)
#define STACK     0x7ffd00000000ULL

static struct unwind_memory memory;
static void *segments[UNWIND_SEGMENTS];

static void *segment_alloc(void *ctx, uint32_t i)
{
	(void)ctx;
	return segments[i] = calloc(UNWIND_SEGMENT_ROWS, sizeof(struct unwind_row));
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 31) * 0x7fb5d329728ea185ULL;
	x = (x ^ x >> 27) * 0x81dadef4bc2dd44dULL;
	return x ^ x >> 33;
}

/* Bytes of made-up memory; nothing crosses words that are not read as such. */
static int memory_read(void *ctx, uint64_t addr, void *to, uint32_t size)
{
	(void)ctx;
	for (uint32_t at = 0; at < size; at += 8) {
		uint64_t word = mix(addr + at);
		memcpy((char *)to + at, &word, size - at < 8 ? size - at : 8);
	}
	return 0;
}

static uint64_t word_at(uint64_t addr)
{
	return mix(addr);
}

static void state_init(struct unwind_state *s, uint64_t pc)
{
	*s = (struct unwind_state){ .pc = pc, .exact = 1 };
	for (uint32_t i = 0; i < UNWIND_REGS; i++)
		s->regs[i] = STACK + 0x100000 + (mix(pc + i) & 0xffff0);
	s->sp = s->regs[UNWIND_REG_SP] = STACK;
	s->bp = s->regs[UNWIND_REG_BP];
}

/* What libdw says of a register of the caller, as a value in the state. */
struct value {
	bool known; /* false: undefined */
	uint64_t value;
};

static uint64_t register_value(const struct unwind_state *s, uint64_t reg)
{
	return reg == 16 ? s->pc : s->regs[reg];
}

/* Runs decoded operations. *location: the result is the address of the value. */
static uint64_t ops_run(const Dwarf_Op *ops, size_t n, const struct unwind_state *s, uint64_t cfa,
			bool *location)
{
	uint64_t stack[16] = { 0 };
	size_t len = 0;

	*location = true;
	for (size_t i = 0; i < n; i++) {
		uint8_t op = ops[i].atom;
		assert_in_range(len, 0, 14);
		if (op >= DW_OP_breg0 && op <= DW_OP_breg31) {
			stack[len++] = register_value(s, op - DW_OP_breg0) + ops[i].number;
		} else if (op >= DW_OP_reg0 && op <= DW_OP_reg31) {
			*location = false;
			stack[len++] = register_value(s, op - DW_OP_reg0);
		} else if (op >= DW_OP_lit0 && op <= DW_OP_lit31) {
			stack[len++] = op - DW_OP_lit0;
		} else if (op == DW_OP_bregx) {
			stack[len++] = register_value(s, ops[i].number) + ops[i].number2;
		} else if (op == DW_OP_regx) {
			*location = false;
			stack[len++] = register_value(s, ops[i].number);
		} else if (op == DW_OP_call_frame_cfa) {
			stack[len++] = cfa;
		} else if (op == DW_OP_stack_value) {
			*location = false;
		} else if (op == DW_OP_deref) {
			stack[len - 1] = word_at(stack[len - 1]);
		} else if (op == DW_OP_plus_uconst) {
			stack[len - 1] += ops[i].number;
		} else {
			assert_true(len >= 2);
			uint64_t b = stack[--len], *a = &stack[len - 1];
			switch (op) {
			case DW_OP_plus:
				*a += b;
				break;
			case DW_OP_minus:
				*a -= b;
				break;
			case DW_OP_mul:
				*a *= b;
				break;
			case DW_OP_and:
				*a &= b;
				break;
			case DW_OP_shl:
				*a <<= b;
				break;
			case DW_OP_ge:
				*a = (int64_t)*a >= (int64_t)b;
				break;
			default:
				fail_msg("operation %#x is not known to this test", op);
			}
		}
	}
	return stack[len - 1];
}

static struct value register_of_caller(Dwarf_Frame *frame, int reg, const struct unwind_state *s,
				       uint64_t cfa)
{
	Dwarf_Op memory_ops[3], *ops;
	size_t n;
	bool location;

	assert_int_equal(dwarf_frame_register(frame, reg, memory_ops, &ops, &n), 0);
	if (n == 0)
		return (struct value){ .known = ops == NULL, .value = register_value(s, reg) };
	uint64_t value = ops_run(ops, n, s, cfa, &location);
	return (struct value){ true, location ? word_at(value) : value };
}

/* What one address of a file came to. */
enum outcome {
	AGREES,
	AGREES_NONE, /* no CFI */
	AGREES_ROOT,
	LEFT_OUT, /* a rule of longjmp and its like, which says so itself, or is_base_callee() */
	LOST_BP,  /* a frame pointer that no rule can express */
	DIFFERS,
	OUTCOMES,
};

/* Of the file under way. */
static struct cfi_table cfi_table;
static struct base_calls base_calls;

static void base_calls_of(struct elf_file *f)
{
	struct elf_range section = { 0 };

	elf_file_eh_frame(f, &section, NULL);
	assert_int_equal(cfi_table_init(&cfi_table, section), 0);
	assert_int_equal(base_calls_find(&base_calls, f, &cfi_table), 0);
}

static void base_calls_forget(void)
{
	base_calls_deinit(&base_calls);
	cfi_table_deinit(&cfi_table);
}

/* Does its caller's CFA hang on the rbx that it has not saved yet? */
static bool is_base_callee(uint64_t pc)
{
	const struct cfi_fde *fde = cfi_table_find(&cfi_table, pc);

	return fde && base_calls_callee(&base_calls, fde->start);
}

static enum outcome compare_step(Dwarf_Frame *frame, const struct walk_process *p, uint64_t pc,
				 const struct unwind_rule *rule)
{
	struct unwind_state before, after;
	uint64_t frames[1];
	size_t len = 0, n;
	Dwarf_Op *ops;
	bool location;

	state_init(&before, pc);
	/* Where a walk takes the rbx that the callee has saved, it is libdw's. */
	if (base_calls_next(&base_calls, pc, pc + 1))
		before.regs[UNWIND_REG_BX] = word_at(before.sp + (uint64_t)(int64_t)rule->cfa_off);
	after = before;
	enum unwind_end end = walk(p, &after, frames, &len, 1);
	assert_int_equal(len, 1);
	assert_int_equal(dwarf_frame_cfa(frame, &ops, &n), 0);
	uint64_t cfa = n ? ops_run(ops, n, &before, 0, &location) : 0;
	struct value sp = register_of_caller(frame, UNWIND_REG_SP, &before, cfa);
	struct value bp = register_of_caller(frame, UNWIND_REG_BP, &before, cfa);
	struct value ra = register_of_caller(frame, 16, &before, cfa);

	if (end == UNWIND_END_COMPLETE)
		return ra.known ? DIFFERS : AGREES_ROOT;
	if (end == UNWIND_END_EXPRESSION)
		return sp.value != cfa || is_base_callee(pc) ? LEFT_OUT : DIFFERS;
	if (end != UNWIND_END_TRUNCATED || !ra.known || after.pc + !after.exact != ra.value ||
	    after.sp != sp.value)
		return DIFFERS;
	if (rule->bp == UNWIND_BP_UNDEF)
		return LOST_BP;
	return bp.known && after.bp == bp.value ? AGREES : DIFFERS;
}

static enum outcome compare(Dwarf_CFI *cfi, const struct walk_process *p, uint64_t pc)
{
	struct unwind_rule rule;
	Dwarf_Frame *frame;
	uint32_t index = unwind_tables_rule(p->tables, p->mappings[0].dir, pc, &rule);

	if (index == UNWIND_RULE_ROOT) /* known better than its CFI says */
		return AGREES_ROOT;
	if (dwarf_cfi_addrframe(cfi, pc, &frame) != 0)
		return index == UNWIND_RULE_NONE || index == UNWIND_RULE_CLONE ? AGREES_NONE
									       : DIFFERS;
	enum outcome outcome =
		index == UNWIND_RULE_NONE ? DIFFERS : compare_step(frame, p, pc, &rule);
	free(frame);
	return outcome;
}

static const struct unwind_row *page_rows(struct unwind_page page)
{
	return (struct unwind_row *)segments[page.block / UNWIND_SEGMENT_ROWS] +
	       page.block % UNWIND_SEGMENT_ROWS + UNWIND_INDEX_SLOTS;
}

/* The share of rows with CFI that BPF can follow anywhere, not in a leaf only. */
static void rows_print(const char *path, uint32_t first_page, uint32_t last_page)
{
	size_t rows = 0, plain = 0;

	for (uint32_t i = first_page; i < last_page; i++) {
		const struct unwind_row *row = page_rows(memory.pages[i]);
		for (uint32_t j = 0; j < memory.pages[i].rows; j++) {
			const struct unwind_rule *rule = &memory.rules[row[j].rule];
			if (row[j].rule == UNWIND_RULE_NONE)
				continue;
			rows++;
			plain += row[j].rule < UNWIND_RULES_FIXED || rule->ra == UNWIND_RA_UNDEF ||
				 (rule->cfa != UNWIND_CFA_REG && rule->cfa != UNWIND_CFA_EXPR &&
				  rule->ra != UNWIND_RA_REG);
		}
	}
	print_message("%s: %zu rows, %.3f%% of them plain\n", path, rows, 100.0 * plain / rows);
}

static void address_compare(Dwarf_CFI *cfi, const struct walk_process *p, const char *name,
			    uint64_t pc, size_t *counts)
{
	enum outcome outcome = compare(cfi, p, pc);

	if (outcome == DIFFERS)
		print_error("%s: differs at %#lx\n", name, pc);
	counts[outcome]++;
}

/* Compare at random addresses of the code, and at the first and last bytes of rows: the rare ones
 * are short. */
static void file_compare(Dwarf_CFI *cfi, const struct elf_file *f, const struct walk_process *p,
			 uint32_t first_page, uint32_t last_page)
{
	size_t counts[OUTCOMES] = { 0 }, rows = 0;

	for (uint64_t seed = 0; seed < ADDRESSES; seed++) {
		const struct elf_segment *s = &f->segments.items[mix(seed) % f->segments.len];
		if (s->executable)
			address_compare(cfi, p, f->name, s->vaddr + mix(seed + 1) % s->filesz,
					counts);
	}
	assert_true(counts[AGREES] > 0);
	for (uint32_t i = first_page; i < last_page; i++)
		rows += memory.pages[i].rows;
	size_t stride = rows / ADDRESSES + 1, row = 0;
	for (uint32_t i = first_page; i < last_page; i++) {
		uint64_t page = (uint64_t)(i - p->mappings[0].dir) << UNWIND_PAGE_SHIFT;
		const struct unwind_row *r = page_rows(memory.pages[i]);
		for (uint32_t j = 0; j < memory.pages[i].rows; j++) {
			if (row++ % stride)
				continue;
			address_compare(cfi, p, f->name, page + r[j].pc, counts);
			if (r[j].pc > 0)
				address_compare(cfi, p, f->name, page + r[j].pc - 1, counts);
		}
	}
	print_message("  %zu agree, %zu have no CFI, %zu roots, %zu left out, %zu without rbp\n",
		      counts[AGREES], counts[AGREES_NONE], counts[AGREES_ROOT], counts[LEFT_OUT],
		      counts[LOST_BP]);
	assert_int_equal(counts[DIFFERS], 0);
	assert_true(counts[LEFT_OUT] + counts[LOST_BP] <= rows / 100);
	assert_true(counts[AGREES_ROOT] < 20); /* at most _start and __start_context */
}

static bool file_check(struct unwind_tables *t, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct unwind_tables_stats before, after;
	struct elf_file *f;
	struct err e;
	uint32_t dir;

	if (fd < 0)
		return false;
	unwind_tables_stats(t, &before);
	assert_int_equal(elf_file_open_fd(fd, path, &f, &e), 0);
	assert_int_equal(unwind_tables_add(t, f, &dir, &e), 0);
	unwind_tables_stats(t, &after);
	rows_print(path, before.pages, after.pages);

	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
	assert_non_null(cfi);
	struct unwind_mapping mapping = { .end = UINT64_MAX,
					  .file = UNWIND_FILE_FIRST,
					  .dir = dir };
	struct walk_process p = {
		.tables = t, .mappings = &mapping, .mappings_len = 1, .read = memory_read
	};
	base_calls_of(f);
	file_compare(cfi, f, &p, before.pages, after.pages);
	base_calls_forget();
	dwarf_cfi_end(cfi);
	elf_end(elf);
	elf_file_close(f);
	return true;
}

static void test_agrees_with_libdw(void **state)
{
	(void)state;
	static const char *const paths[] = {
		"/lib64/ld-linux-x86-64.so.2",
		"/lib/x86_64-linux-gnu/libc.so.6",
		"/lib/x86_64-linux-gnu/libm.so.6",
		"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
		"/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
		"/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1",
		"/usr/bin/python3.11",
		"/usr/bin/redis-server",
		"/usr/sbin/nginx",
		"/usr/lib/postgresql/15/bin/postgres",
		"/usr/bin/node",
	};
	struct unwind_tables *t;
	size_t checked = 0;

	memory = (struct unwind_memory){ .rules = calloc(UNWIND_RULES, sizeof(*memory.rules)),
					 .pages = calloc(PAGES, sizeof(*memory.pages)),
					 .pages_len = PAGES,
					 .segment = segment_alloc };
	assert_int_equal(unwind_tables_create(&memory, &t, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		checked += file_check(t, paths[i]);
	assert_true(checked >= 2); /* the C library at least */
	unwind_tables_destroy(t);
	for (size_t i = 0; i < UNWIND_SEGMENTS; i++)
		free(segments[i]);
	free(memory.rules);
	free(memory.pages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_with_libdw),
	};
	elf_version(EV_CURRENT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
