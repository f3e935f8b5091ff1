// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Hand-made .eh_frame sections, compiled to rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <dwarf.h>
#include <errno.h>
#include <fcntl.h>
#include <ucontext.h>

#include "base/cleanup.h"
#include "unwind/tables.h"
#include "unwind_image.h"

#define START (CODE + 0x8000) /* what the one FDE of a case covers */
#define SIZE  0x400
#define DIRECTORY                                                                                  \
	65 /* eight files of eight pages, and an entry left out so that no dir is NONE             \
	    */

/* ---- Tables ---------------------------------------------------------------------------------- */

static struct unwind_rule rules[UNWIND_RULES];
static struct unwind_page pages[DIRECTORY];
static struct unwind_row rows[UNWIND_SEGMENT_ROWS];
static struct unwind_tables *tables;
static uint32_t dir;

static void *segment(void *ctx, uint32_t i)
{
	(void)ctx;
	return i == 0 ? rows : NULL;
}

static int setup(void **state)
{
	struct unwind_memory memory = {
		.rules = rules, .pages = pages, .pages_len = DIRECTORY, .segment = segment
	};

	(void)state;
	memset(pages, 0, sizeof(pages));
	return unwind_tables_create(&memory, &tables, NULL);
}

static int teardown(void **state)
{
	(void)state;
	unwind_tables_destroy(tables);
	return 0;
}

/* Compile a section; sets `dir`. */
static int compile(struct buf *section, uint64_t entry)
{
	size_t size;
	_cleanup_free_ void *image = image_create(section, entry, &size);
	struct elf_file *f;
	struct err e = { 0 };

	assert_int_equal(elf_file_open_memory(image, size, "made", &f, &e), 0);
	int rc = unwind_tables_add(tables, f, &dir, &e);
	elf_file_close(f);
	return rc;
}

static uint32_t rule_at(uint64_t vaddr, struct unwind_rule *rule)
{
	struct unwind_rule scrap;

	return unwind_tables_rule(tables, dir, vaddr, rule ? rule : &scrap);
}

/* ---- Programs -------------------------------------------------------------------------------- */

/* A rule by its numbers, in the order of struct unwind_rule. */
#define RULE(...) ((struct unwind_rule){ __VA_ARGS__ })
#define LEAF      RULE(UNWIND_CFA_SP, UNWIND_BP_SAME, UNWIND_RA_CFA, 0, 8, 0, 0, -8)
#define PUSHED    RULE(UNWIND_CFA_SP, UNWIND_BP_CFA, UNWIND_RA_CFA, 0, 16, -16, 0, -8)
#define FRAMED    RULE(UNWIND_CFA_BP, UNWIND_BP_CFA, UNWIND_RA_CFA, 0, 16, -16, 0, -8)
#define EXPR(n)   RULE(UNWIND_CFA_EXPR, UNWIND_BP_SAME, UNWIND_RA_CFA, 0, n, 0, 0, -8)

struct expected {
	uint32_t at; /* from START */
	struct unwind_rule rule;
	uint32_t index; /* a fixed rule, if `rule` is zero */
};

#define ADVANCE(n) (DW_CFA_advance_loc | (n))

static const struct program {
	const char *name;
	uint8_t code[48];
	uint8_t len;
	struct expected expected[6];
	uint8_t expected_len;
	bool signal; /* augmentation S */
} programs[] = {
	{ "no instructions",
	  { DW_CFA_nop },
	  1,
	  { { 0, LEAF, 0 }, { SIZE - 1, LEAF, 0 }, { SIZE, { 0 }, 0 } },
	  3,
	  0 },
	{ "push rbp; mov rsp, rbp; ...; leave; ret",
	  { ADVANCE(1), DW_CFA_def_cfa_offset, 16, DW_CFA_offset | 6, 2, ADVANCE(3),
	    DW_CFA_def_cfa_register, 6, DW_CFA_advance_loc1, 0x80, DW_CFA_def_cfa, 7, 8,
	    DW_CFA_restore | 6 },
	  14,
	  { { 0, LEAF, 0 },
	    { 1, PUSHED, 0 },
	    { 3, PUSHED, 0 },
	    { 4, FRAMED, 0 },
	    { 0x83, FRAMED, 0 },
	    { 0x84, LEAF, 0 } },
	  6,
	  0 },
	{ "remember and restore",
	  { ADVANCE(1), DW_CFA_def_cfa_offset, 16, DW_CFA_offset | 6, 2, ADVANCE(1),
	    DW_CFA_remember_state, DW_CFA_def_cfa_offset, 8, DW_CFA_restore | 6, ADVANCE(1),
	    DW_CFA_restore_state },
	  12,
	  { { 0, LEAF, 0 },
	    { 1, PUSHED, 0 },
	    { 2, LEAF, 0 },
	    { 3, PUSHED, 0 },
	    { SIZE - 1, PUSHED, 0 } },
	  5,
	  0 },
	{ "restore without remember: nothing is known from there on",
	  { ADVANCE(4), DW_CFA_restore_state },
	  2,
	  { { 3, LEAF, 0 }, { 4, { 0 }, 0 }, { SIZE - 1, { 0 }, 0 } },
	  3,
	  0 },
	{ "wide advances",
	  { DW_CFA_advance_loc2, 0, 1, DW_CFA_def_cfa_offset, 16, DW_CFA_advance_loc4, 0, 1, 0, 0,
	    DW_CFA_def_cfa_offset, 8 },
	  12,
	  { { 0xff, LEAF, 0 },
	    { 0x100, RULE(UNWIND_CFA_SP, UNWIND_BP_SAME, UNWIND_RA_CFA, 0, 16, 0, 0, -8), 0 },
	    { 0x200, LEAF, 0 } },
	  3,
	  0 },
	{ "set_loc",
	  { DW_CFA_set_loc, 0x10, 0x80, 1, 0, DW_CFA_def_cfa_offset, 16, DW_CFA_offset | 6, 2 },
	  9,
	  { { 0xf, LEAF, 0 }, { 0x10, PUSHED, 0 } },
	  2,
	  0 },
	{ "set_loc backwards",
	  { ADVANCE(9), DW_CFA_set_loc, 0, 0x80, 1, 0 },
	  6,
	  { { 8, LEAF, 0 }, { 9, { 0 }, 0 } },
	  2,
	  0 },
	{ "an advance past the end",
	  { DW_CFA_advance_loc4, 0xff, 0xff, 0xff, 0xff, DW_CFA_def_cfa_offset, 16 },
	  7,
	  { { SIZE - 1, LEAF, 0 }, { SIZE, { 0 }, 0 } },
	  2,
	  0 },
	{ "signed and factored forms",
	  { DW_CFA_def_cfa_sf, 7, 0x7e, DW_CFA_offset_extended_sf, 6, 2, ADVANCE(1),
	    DW_CFA_def_cfa_register, 6, DW_CFA_def_cfa_offset_sf, 0x7c,
	    DW_CFA_GNU_negative_offset_extended, 6, 3, ADVANCE(1), DW_CFA_restore_extended, 6 },
	  17,
	  { { 0, PUSHED, 0 },
	    { 1, RULE(UNWIND_CFA_BP, UNWIND_BP_CFA, UNWIND_RA_CFA, 0, 32, 24, 0, -8), 0 },
	    { 2, RULE(UNWIND_CFA_BP, UNWIND_BP_SAME, UNWIND_RA_CFA, 0, 32, 0, 0, -8), 0 } },
	  3,
	  0 },
	{ "a CFA from another register",
	  { DW_CFA_def_cfa, 10, 0 },
	  3,
	  { { 0, RULE(UNWIND_CFA_REG, UNWIND_BP_SAME, UNWIND_RA_CFA, 10, 0, 0, 0, -8), 0 } },
	  1,
	  0 },
	{ "gcc's realigned frame: the CFA at rbp - 8, rbp at rbp",
	  { DW_CFA_expression, 6, 2, DW_OP_breg6, 0, DW_CFA_def_cfa_expression, 3, DW_OP_breg6,
	    0x78, DW_OP_deref },
	  10,
	  { { 0, RULE(UNWIND_CFA_BP_MEM, UNWIND_BP_BP, UNWIND_RA_CFA, 0, -8, 0, 0, -8), 0 } },
	  1,
	  0 },
	{ "OpenSSL's: the old rsp saved on the stack",
	  { DW_CFA_def_cfa_expression, 6, DW_OP_breg7, 0x98, 1, DW_OP_deref, DW_OP_plus_uconst, 8,
	    ADVANCE(1), DW_CFA_def_cfa_expression, 5, DW_OP_breg7, 16, DW_OP_deref, DW_OP_lit8,
	    DW_OP_plus },
	  16,
	  { { 0, RULE(UNWIND_CFA_SP_MEM, UNWIND_BP_SAME, UNWIND_RA_CFA, 0, 152, 0, 8, -8), 0 },
	    { 1, RULE(UNWIND_CFA_SP_MEM, UNWIND_BP_SAME, UNWIND_RA_CFA, 0, 16, 0, 8, -8), 0 } },
	  2,
	  0 },
	{ "an expression that is a register and an offset",
	  { DW_CFA_def_cfa_expression, 4, DW_OP_breg7, 8, DW_OP_plus_uconst, 8 },
	  6,
	  { { 0, RULE(UNWIND_CFA_SP, UNWIND_BP_SAME, UNWIND_RA_CFA, 0, 16, 0, 0, -8), 0 } },
	  1,
	  0 },
	{ "a lazy PLT",
	  { DW_CFA_def_cfa_expression, 11, DW_OP_breg7, 8, DW_OP_breg16, 0, DW_OP_lit15, DW_OP_and,
	    DW_OP_lit11, DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus },
	  13,
	  { { 0, RULE(UNWIND_CFA_PLT, UNWIND_BP_SAME, UNWIND_RA_CFA, 11, 0, 0, 0, -8), 0 } },
	  1,
	  0 },
	{ "a lazy PLT with IBT",
	  { DW_CFA_def_cfa_expression, 11, DW_OP_breg7, 8, DW_OP_breg16, 0, DW_OP_lit15, DW_OP_and,
	    DW_OP_lit9, DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus },
	  13,
	  { { 0, RULE(UNWIND_CFA_PLT, UNWIND_BP_SAME, UNWIND_RA_CFA, 9, 0, 0, 0, -8), 0 } },
	  1,
	  0 },
	{ "any other expression is kept by its number",
	  { DW_CFA_def_cfa_expression, 3, DW_OP_breg7, 16, DW_OP_neg, ADVANCE(1), DW_CFA_def_cfa, 7,
	    8, ADVANCE(1), DW_CFA_def_cfa_expression, 3, DW_OP_breg7, 16, DW_OP_neg },
	  15,
	  { { 0, EXPR(1), 0 }, { 1, LEAF, 0 }, { 2, EXPR(1), 0 } },
	  3,
	  0 },
	{ "an offset where the CFA is an expression",
	  { DW_CFA_def_cfa_expression, 1, DW_OP_lit1, ADVANCE(1), DW_CFA_def_cfa_offset, 8 },
	  6,
	  { { 1, { 0 }, 0 } },
	  1,
	  0 },
	{ "the outermost function",
	  { DW_CFA_undefined, 16 },
	  2,
	  { { 0, RULE(UNWIND_CFA_SP, UNWIND_BP_SAME, UNWIND_RA_UNDEF, 0, 8, 0, 0, 0), 0 } },
	  1,
	  0 },
	{ "vfork: the return address in rdi",
	  { DW_CFA_def_cfa_offset, 0, DW_CFA_register, 16, 5 },
	  5,
	  { { 0, RULE(UNWIND_CFA_SP, UNWIND_BP_SAME, UNWIND_RA_REG, 5, 0, 0, 0, 0), 0 } },
	  1,
	  0 },
	{ "two registers that one field cannot hold",
	  { DW_CFA_def_cfa, 10, 0, DW_CFA_register, 16, 5 },
	  6,
	  { { 0, RULE(UNWIND_CFA_EXPR, 0, 0, 0, 0, 0, 0, 0), 0 } },
	  1,
	  0 },
	{ "longjmp: rsp is not the CFA",
	  { DW_CFA_register, 7, 8 },
	  3,
	  { { 0, RULE(UNWIND_CFA_EXPR, 0, 0, 0, 0, 0, 0, 0), 0 } },
	  1,
	  0 },
	{ "rbp lost",
	  { DW_CFA_undefined, 6, ADVANCE(1), DW_CFA_same_value, 6, ADVANCE(1), DW_CFA_val_offset, 6,
	    2 },
	  9,
	  { { 0, RULE(UNWIND_CFA_SP, UNWIND_BP_UNDEF, UNWIND_RA_CFA, 0, 8, 0, 0, -8), 0 },
	    { 1, LEAF, 0 },
	    { 2, RULE(UNWIND_CFA_SP, UNWIND_BP_UNDEF, UNWIND_RA_CFA, 0, 8, 0, 0, -8), 0 } },
	  3,
	  0 },
	{ "other registers are of no interest",
	  { DW_CFA_offset | 3, 2, DW_CFA_undefined, 20, DW_CFA_GNU_args_size, 16,
	    DW_CFA_val_expression, 12, 1, DW_OP_lit1 },
	  10,
	  { { 0, LEAF, 0 } },
	  1,
	  0 },
	{ "an unknown instruction",
	  { ADVANCE(2), 0x3f, 0 },
	  3,
	  { { 1, LEAF, 0 }, { 2, { 0 }, 0 } },
	  2,
	  0 },
	{ "an operand missing",
	  { ADVANCE(2), DW_CFA_def_cfa, 7 },
	  3,
	  { { 1, LEAF, 0 }, { 2, { 0 }, 0 } },
	  2,
	  0 },
	{ "an expression past the end",
	  { ADVANCE(2), DW_CFA_def_cfa_expression, 9, 1 },
	  4,
	  { { 1, LEAF, 0 }, { 2, { 0 }, 0 } },
	  2,
	  0 },
	{ "glibc's signal trampoline",
	  { DW_CFA_def_cfa_expression, 4, DW_OP_breg7, 0xa0, 1, DW_OP_deref, DW_CFA_expression, 16,
	    3, DW_OP_breg7, 0xa8, 1 },
	  12,
	  { { 0, { 0 }, UNWIND_RULE_SIGNAL }, { SIZE - 1, { 0 }, UNWIND_RULE_SIGNAL } },
	  2,
	  true },
};

static void test_programs(void **state)
{
	(void)state;
	static const struct cie_form signal_form = {
		.augmentation = "zRS",
		.version = 1,
		.encoding = DW_EH_PE_udata4,
		.data = { DW_EH_PE_udata4 },
		.data_len = 1,
	};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		const struct program *p = &programs[i];
		const struct cie_form *form = p->signal ? &signal_form : &plain_form;
		struct buf section = { 0 };

		print_message("%s\n", p->name);
		assert_int_equal(setup(NULL), 0);
		size_t cie = put_cie(&section, form, usual_start, sizeof(usual_start));
		put_fde(&section, cie, form, START, SIZE, p->code, p->len);
		assert_int_equal(compile(&section, 0), 0);
		assert_int_equal(rule_at(START - 1, NULL), UNWIND_RULE_NONE);
		assert_int_equal(rule_at(START + SIZE, NULL), UNWIND_RULE_NONE);
		for (size_t k = 0; k < p->expected_len; k++) {
			const struct expected *e = &p->expected[k];
			struct unwind_rule rule, none = { 0 };
			uint32_t index = rule_at(START + e->at, &rule);

			if (memcmp(&e->rule, &none, sizeof(none)) == 0)
				assert_int_equal(index, e->index);
			assert_memory_equal(&rule, &e->rule, sizeof(rule));
		}
		teardown(NULL);
	}
}

/* ---- Forms of entries ------------------------------------------------------------------------ */

static void test_forms(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		struct cie_form form;
		bool known;
	} cases[] = {
		{ "zR, absolute",
		  { "zR", 1, DW_EH_PE_absptr, false, { DW_EH_PE_absptr }, 1 },
		  true },
		{ "no augmentation", { "", 1, DW_EH_PE_absptr, false, { 0 }, 0 }, true },
		{ "gcc 2's eh", { "eh", 1, DW_EH_PE_absptr, false, { 0 }, 0 }, true },
		{ "version 3", { "zR", 3, DW_EH_PE_udata4, false, { DW_EH_PE_udata4 }, 1 }, true },
		{ "version 4", { "zR", 4, DW_EH_PE_udata4, false, { DW_EH_PE_udata4 }, 1 }, true },
		{ "version 5", { "zR", 5, DW_EH_PE_udata4, false, { DW_EH_PE_udata4 }, 1 }, false },
		{ "64-bit lengths",
		  { "zR", 1, DW_EH_PE_udata4, true, { DW_EH_PE_udata4 }, 1 },
		  true },
		{ "pcrel",
		  { "zR", 1, DW_EH_PE_pcrel | DW_EH_PE_sdata4, false, { 0x1b }, 1 },
		  true },
		{ "pcrel of 8 bytes",
		  { "zR", 1, DW_EH_PE_pcrel | DW_EH_PE_sdata8, false, { 0x1c }, 1 },
		  true },
		{ "uleb128", { "zR", 1, DW_EH_PE_uleb128, false, { DW_EH_PE_uleb128 }, 1 }, true },
		{ "relative to text",
		  { "zR", 1, DW_EH_PE_udata4, false, { DW_EH_PE_textrel | DW_EH_PE_udata4 }, 1 },
		  false },
		{ "C++: a personality, indirect",
		  { "zPLR",
		    1,
		    DW_EH_PE_pcrel | DW_EH_PE_sdata4,
		    false,
		    { 0x9b, 1, 2, 3, 4, 0x1b, 0x1b },
		    7 },
		  true },
		{ "personality left out",
		  { "zPR", 1, DW_EH_PE_udata4, false, { 0xff, 3 }, 2 },
		  true },
		{ "personality cut off",
		  { "zPR", 1, DW_EH_PE_udata4, false, { 0x9b, 3 }, 2 },
		  false },
		{ "B", { "zRB", 1, DW_EH_PE_udata4, false, { 3 }, 1 }, true },
		{ "an unknown letter", { "zXR", 1, DW_EH_PE_udata4, false, { 3 }, 1 }, false },
		{ "an unknown augmentation", { "R", 1, DW_EH_PE_udata4, false, { 3 }, 1 }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct cie_form *form = &cases[i].form;
		struct buf section = { 0 };
		struct unwind_rule rule;

		print_message("%s\n", cases[i].name);
		assert_int_equal(setup(NULL), 0);
		size_t cie = put_cie(&section, form, usual_start, sizeof(usual_start));
		put_fde(&section, cie, form, START, SIZE, NULL, 0);
		assert_int_equal(compile(&section, 0), 0);
		uint32_t index = rule_at(START, &rule);
		if (cases[i].known)
			assert_memory_equal(&rule, &LEAF, sizeof(rule));
		else
			assert_int_equal(index, UNWIND_RULE_NONE);
		teardown(NULL);
	}
}

/* Unsorted, overlapping and stray FDEs: the one that starts last is in force; gaps have no CFI. */
static void test_fdes(void **state)
{
	(void)state;
	struct buf section = { 0 };
	size_t cie = put_cie(&section, &plain_form, usual_start, sizeof(usual_start));
	static const uint8_t deeper[] = { DW_CFA_def_cfa_offset, 16, DW_CFA_offset | 6, 2 };
	const struct {
		uint64_t at;
		const struct unwind_rule rule;
	} expected[] = {
		{ CODE + 0x0fff, { 0 } },   { CODE + 0x1000, LEAF },
		{ CODE + 0x17ff, LEAF },    { CODE + 0x1800, PUSHED },
		{ CODE + 0x18ff, PUSHED },  { CODE + 0x1900, { 0 } },
		{ CODE + 0x2000, LEAF },    { CODE + 0xffff, LEAF },
		{ CODE + 0x10000, LEAF },   { CODE + 0x2ffff, LEAF },
		{ CODE + 0x30000, PUSHED }, { CODE + CODE_SIZE - 1, PUSHED },
	};
	struct unwind_rule rule;

	put_fde(&section, cie, &plain_form, CODE + 0x30000, CODE_SIZE, deeper,
		4);                                                           /* beyond the end */
	put_fde(&section, cie, &plain_form, CODE + 0x2000, 0x2e000, NULL, 0); /* four pages */
	put_fde(&section, cie, &plain_form, CODE + 0x1000, 0x1000, NULL, 0);
	put_fde(&section, cie, &plain_form, CODE + 0x1800, 0x100, deeper,
		4);                                               /* inside the former */
	put_fde(&section, cie, &plain_form, 0, 0x100, deeper, 4); /* left by --gc-sections */
	put_fde(&section, cie + 1, &plain_form, CODE + 0x1880, 0x10, NULL, 0); /* no CIE there */
	assert_int_equal(compile(&section, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		rule_at(expected[i].at, &rule);
		assert_memory_equal(&rule, &expected[i].rule, sizeof(rule));
	}
	assert_int_equal(rule_at(0, NULL), UNWIND_RULE_NONE);
}

/* The entry point is a root unless CFI covers it, and only up to where CFI begins again. */
static void test_entry_point(void **state)
{
	(void)state;
	const struct {
		uint64_t entry;
		uint32_t at_entry, behind;
	} cases[] = {
		{ START - 16, UNWIND_RULE_ROOT, UNWIND_RULES_FIXED },
		{ START + SIZE, UNWIND_RULE_ROOT, UNWIND_RULE_ROOT },
		{ START, UNWIND_RULES_FIXED, UNWIND_RULES_FIXED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf section = { 0 };

		size_t cie = put_cie(&section, &plain_form, usual_start, sizeof(usual_start));
		put_fde(&section, cie, &plain_form, START, SIZE, NULL, 0);
		assert_int_equal(compile(&section, cases[i].entry), 0);
		assert_int_equal(rule_at(cases[i].entry, NULL), cases[i].at_entry);
		assert_int_equal(rule_at(cases[i].entry + 16, NULL), cases[i].behind);
		assert_int_equal(rule_at(START, NULL), UNWIND_RULES_FIXED);
	}
}

static void *context_return;

static void in_context(void)
{
	context_return = __builtin_return_address(0);
}

/* The C library's own: what makecontext lets a function return to is a root, its CFI
 * notwithstanding. */
static void test_start_of_a_context(void **state)
{
	(void)state;
	static char stack[65536];
	ucontext_t context, back;
	struct elf_file *f;
	struct err e;
	Dl_info info;

	getcontext(&context);
	context.uc_stack = (stack_t){ .ss_sp = stack, .ss_size = sizeof(stack) };
	context.uc_link = &back;
	makecontext(&context, in_context, 0);
	swapcontext(&back, &context);
	assert_true(dladdr(context_return, &info) != 0);
	_cleanup_close_ int fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	assert_int_equal(elf_file_open_fd(fd, info.dli_fname, &f, &e), 0);
	assert_int_equal(unwind_tables_add(tables, f, &dir, &e), 0);
	uint64_t start = (uint64_t)((char *)context_return - (char *)info.dli_fbase);
	assert_int_equal(rule_at(start - 1, NULL), UNWIND_RULE_ROOT);
	assert_int_equal(rule_at(start, NULL), UNWIND_RULE_ROOT);
	assert_int_not_equal(rule_at(start - 2, NULL), UNWIND_RULE_ROOT);
	assert_int_not_equal(rule_at(start + 64, NULL), UNWIND_RULE_ROOT);
	elf_file_close(f);
}

static void test_no_cfi(void **state)
{
	(void)state;
	struct buf section = { 0 };

	put32(&section, 0); /* the terminator */
	assert_int_equal(compile(&section, 0), 0);
	assert_int_equal(dir, UNWIND_DIR_NONE);
	assert_int_equal(rule_at(START, NULL), UNWIND_RULE_NONE);
}

/* What does not fit leaves the tables as they were. */
static void test_full(void **state)
{
	(void)state;
	struct unwind_tables_stats before, after;
	int added = 0, rc;

	do {
		struct buf section = { 0 };
		size_t cie = put_cie(&section, &plain_form, usual_start, sizeof(usual_start));

		put_fde(&section, cie, &plain_form, START, SIZE, NULL, 0);
		unwind_tables_stats(tables, &before);
		dir = 12345;
		rc = compile(&section, 0);
		added += rc == 0;
	} while (rc == 0 && added < DIRECTORY);
	unwind_tables_stats(tables, &after);
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(dir, 12345);
	assert_int_equal(added, DIRECTORY / 8); /* 0x10000 to 0x8ffff are eight pages */
	assert_memory_equal(&before, &after, sizeof(after));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_forms),
		cmocka_unit_test_setup_teardown(test_fdes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_entry_point, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_of_a_context, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_cfi, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
