// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Walks over made-up stacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <ucontext.h>

#include "base/cleanup.h"
#include "lib/regs_x86_64.h"
#include "unwind/tables.h"
#include "unwind/walk.h"
#include "unwind_image.h"

#define STACK      0x7ffc00000000ULL
#define STACK_LEN  64 /* words */
#define BIAS       0x555500000000ULL
#define FRAME(pc)  ((uint64_t)UNWIND_FILE_FIRST << UNWIND_FRAME_OFFSET_BITS | (pc))
#define CODE_AT(f) (CODE + 0x100 * (f))

/* The functions of the made-up file, 0x100 bytes each. */
enum function {
	LEAF,      /* CFA = rsp + 8 */
	FRAMED,    /* CFA = rbp + 16, rbp and the return address saved below */
	DEEP,      /* CFA = rsp + 32, rbp at CFA - 24 */
	OUTERMOST, /* return address undefined */
	TRAMPOLINE,
	POPPED,    /* the return address in rdi, CFA = rsp */
	BY_R10,    /* CFA = r10 */
	BY_EXPR,   /* CFA = *(rsp + r9 * 8), by an expression that rules cannot hold */
	STALE,     /* CFA = rsp + 8, rbp said to be at CFA - 16 */
	RESTORING, /* as longjmp: rsp is not the CFA */
	FUNCTIONS,
};

static const struct {
	uint8_t code[16];
	uint8_t len;
} programs[FUNCTIONS] = {
	[LEAF] = { { 0 }, 0 },
	[FRAMED] = { { DW_CFA_def_cfa, 6, 16, DW_CFA_offset | 6, 2 }, 5 },
	[DEEP] = { { DW_CFA_def_cfa_offset, 32, DW_CFA_offset | 6, 3 }, 4 },
	[OUTERMOST] = { { DW_CFA_undefined, 16 }, 2 },
	[TRAMPOLINE] = { { DW_CFA_def_cfa_expression, 4, DW_OP_breg7, 0xa0, 1, DW_OP_deref,
			   DW_CFA_expression, 16, 3, DW_OP_breg7, 0xa8, 1 },
			 12 },
	[POPPED] = { { DW_CFA_def_cfa_offset, 0, DW_CFA_register, 16, 5 }, 5 },
	[BY_R10] = { { DW_CFA_def_cfa, 10, 0 }, 3 },
	[BY_EXPR] = { { DW_CFA_def_cfa_expression, 8, DW_OP_breg7, 0, DW_OP_breg9, 0, DW_OP_lit8,
			DW_OP_mul, DW_OP_plus, DW_OP_deref },
		      10 },
	[STALE] = { { DW_CFA_offset | 6, 2 }, 2 },
	[RESTORING] = { { DW_CFA_register, 7, 8 }, 3 },
};

static struct unwind_rule rules[UNWIND_RULES];
static struct unwind_page pages[256];
static struct unwind_row rows[UNWIND_SEGMENT_ROWS];
static struct unwind_tables *tables;
static struct unwind_mapping mapping = { .start = BIAS + CODE,
					 .end = BIAS + CODE + CODE_SIZE,
					 .bias = BIAS,
					 .file = UNWIND_FILE_FIRST };

static void *segment(void *ctx, uint32_t i)
{
	(void)ctx;
	return i == 0 ? rows : NULL;
}

static int setup(void **state)
{
	struct unwind_memory memory = {
		.rules = rules, .pages = pages, .pages_len = 256, .segment = segment
	};
	struct cie_form signal_form = plain_form;
	struct buf section = { 0 };
	struct elf_file *f;
	size_t size;

	(void)state;
	signal_form.augmentation = "zRS";
	size_t plain = put_cie(&section, &plain_form, usual_start, sizeof(usual_start));
	size_t signal = put_cie(&section, &signal_form, usual_start, sizeof(usual_start));
	for (int i = 0; i < FUNCTIONS; i++)
		put_fde(&section, i == TRAMPOLINE ? signal : plain, &plain_form, CODE_AT(i), 0x100,
			programs[i].code, programs[i].len);
	_cleanup_free_ void *image = image_create(&section, 0, &size);
	assert_int_equal(unwind_tables_create(&memory, &tables, NULL), 0);
	assert_int_equal(elf_file_open_memory(image, size, "made", &f, NULL), 0);
	assert_int_equal(unwind_tables_add(tables, f, &mapping.dir, NULL), 0);
	elf_file_close(f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unwind_tables_destroy(tables);
	return 0;
}

/* Addresses in the process: in a function, and of word i of the stack. */
#define IN(f)   (BIAS + CODE_AT(f) + 0x20)
#define WORD(i) (STACK + 8 * (i))
#define BARE    (BIAS + CODE_AT(FUNCTIONS) + 0x20) /* code without CFI */
#define NOWHERE 0x1234

static const struct walk_case {
	const char *name;
	uint64_t pc, bp; /* of the leaf, whose sp is STACK */
	uint64_t rdi, r9, r10;
	struct {
		uint32_t word;
		uint64_t value;
	} stack[8];
	enum unwind_end end;
	uint64_t frames[6]; /* functions; all are at their byte 0x20, callers one before */
	size_t len;
} cases[] = {
	{ "a leaf, a frame, the end",
	  IN(LEAF),
	  WORD(4),
	  0,
	  0,
	  0,
	  { { 0, IN(FRAMED) }, { 4, 0 }, { 5, IN(OUTERMOST) } },
	  UNWIND_END_COMPLETE,
	  { LEAF, FRAMED, OUTERMOST },
	  3 },
	{ "rbp kept through a frame that saves it",
	  IN(DEEP),
	  0,
	  0,
	  0,
	  0,
	  { { 1, WORD(6) }, { 3, IN(FRAMED) }, { 7, IN(OUTERMOST) } },
	  UNWIND_END_COMPLETE,
	  { DEEP, FRAMED, OUTERMOST },
	  3 },
	{ "the return address in a register",
	  IN(POPPED),
	  WORD(2),
	  IN(FRAMED),
	  0,
	  0,
	  { { 3, IN(OUTERMOST) } },
	  UNWIND_END_COMPLETE,
	  { POPPED, FRAMED, OUTERMOST },
	  3 },
	{ "a CFA from r10",
	  IN(BY_R10),
	  0,
	  0,
	  0,
	  WORD(5),
	  { { 4, IN(OUTERMOST) } },
	  UNWIND_END_COMPLETE,
	  { BY_R10, OUTERMOST },
	  2 },
	{ "a caller's r10 is not known",
	  IN(LEAF),
	  0,
	  0,
	  0,
	  WORD(5),
	  { { 0, IN(BY_R10) } },
	  UNWIND_END_NO_REGISTER,
	  { LEAF, BY_R10 },
	  2 },
	{ "a CFA by an expression",
	  IN(BY_EXPR),
	  0,
	  0,
	  2,
	  0,
	  { { 2, WORD(6) }, { 5, IN(OUTERMOST) } },
	  UNWIND_END_COMPLETE,
	  { BY_EXPR, OUTERMOST },
	  2 },
	{ "a caller's r9 is not known",
	  IN(LEAF),
	  0,
	  0,
	  2,
	  0,
	  { { 0, IN(BY_EXPR) } },
	  UNWIND_END_NO_REGISTER,
	  { LEAF, BY_EXPR },
	  2 },
	{ "what no rule can express",
	  IN(RESTORING),
	  0,
	  0,
	  0,
	  0,
	  { { 0, 0 } },
	  UNWIND_END_EXPRESSION,
	  { RESTORING },
	  1 },
	{ "a return address of 0",
	  IN(LEAF),
	  0,
	  0,
	  0,
	  0,
	  { { 0, 0 } },
	  UNWIND_END_ZERO_RA,
	  { LEAF },
	  1 },
	{ "a return address to nowhere",
	  IN(LEAF),
	  0,
	  0,
	  0,
	  0,
	  { { 0, NOWHERE } },
	  UNWIND_END_NO_MAPPING,
	  { LEAF },
	  1 },
	{ "a leaf nowhere", NOWHERE, 0, 0, 0, 0, { { 0, 0 } }, UNWIND_END_NO_MAPPING, { 0 }, 0 },
	{ "a CFA below rsp",
	  IN(FRAMED),
	  WORD(0) - 16,
	  0,
	  0,
	  0,
	  { { 0, 0 } },
	  UNWIND_END_STUCK,
	  { FRAMED },
	  1 },
	{ "a CFA below the stack",
	  IN(LEAF),
	  0,
	  0,
	  0,
	  0,
	  { { 0, IN(FRAMED) } },
	  UNWIND_END_STUCK,
	  { LEAF, FRAMED },
	  2 },
	{ "a CFA beyond the copy",
	  IN(FRAMED),
	  WORD(STACK_LEN),
	  0,
	  0,
	  0,
	  { { 0, 0 } },
	  UNWIND_END_SHORT_COPY,
	  { FRAMED },
	  1 },
	{ "half a word beyond the copy",
	  IN(FRAMED),
	  WORD(STACK_LEN - 2) + 4,
	  0,
	  0,
	  0,
	  { { 0, 0 } },
	  UNWIND_END_SHORT_COPY,
	  { FRAMED },
	  1 },
	{ "rbp popped, and looked for below rsp",
	  IN(STALE),
	  WORD(9),
	  0,
	  0,
	  0,
	  { { 0, IN(OUTERMOST) } },
	  UNWIND_END_COMPLETE,
	  { STALE, OUTERMOST },
	  2 },
	{ "frame pointers where there is no CFI",
	  BARE,
	  WORD(3),
	  0,
	  0,
	  0,
	  { { 3, WORD(8) }, { 4, IN(LEAF) }, { 5, IN(OUTERMOST) } },
	  UNWIND_END_COMPLETE,
	  { FUNCTIONS, LEAF, OUTERMOST },
	  3 },
	{ "no plausible frame pointer",
	  BARE,
	  WORD(3) + 1,
	  0,
	  0,
	  0,
	  { { 0, 0 } },
	  UNWIND_END_NO_CFI,
	  { FUNCTIONS },
	  1 },
	{ "a frame pointer to no code",
	  BARE,
	  WORD(3),
	  0,
	  0,
	  0,
	  { { 4, NOWHERE } },
	  UNWIND_END_NO_CFI,
	  { FUNCTIONS },
	  1 },
};

static struct walk_process process(const uint64_t *stack)
{
	return (struct walk_process){ .tables = tables,
				      .mappings = &mapping,
				      .mappings_len = 1,
				      .stack_addr = STACK,
				      .stack = (const uint8_t *)stack,
				      .stack_len = STACK_LEN * sizeof(*stack) };
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct walk_case *c = &cases[i];
		uint64_t stack[STACK_LEN] = { 0 }, frames[8];
		struct unwind_state s = { .pc = c->pc, .sp = STACK, .bp = c->bp, .exact = 1 };
		size_t len = 0;

		print_message("%s\n", c->name);
		for (size_t k = 0; k < ARRAY_SIZE(c->stack); k++)
			if (c->stack[k].value)
				stack[c->stack[k].word] = c->stack[k].value;
		s.regs[5] = c->rdi;
		s.regs[9] = c->r9;
		s.regs[10] = c->r10;
		struct walk_process p = process(stack);
		assert_int_equal(walk(&p, &s, frames, &len, 8), c->end);
		assert_int_equal(len, c->len);
		for (size_t k = 0; k < len; k++)
			assert_int_equal(frames[k], FRAME(CODE_AT(c->frames[k]) + 0x20 - (k > 0)));
	}
}

/* The interrupted PC is exact, and all registers come back: r10 serves the interrupted frame. */
static void test_signal_frame(void **state)
{
	(void)state;
	uint64_t stack[STACK_LEN] = { [0] = IN(TRAMPOLINE), [55] = IN(OUTERMOST) }, frames[8];
	uint64_t *regs = &stack[1 + UNWIND_SIGNAL_REGS_OFFSET / 8];
	struct unwind_state s = { .pc = IN(LEAF), .sp = STACK, .exact = 1 };
	size_t len = 0;

	regs[2] = WORD(56);  /* r10 */
	regs[15] = WORD(50); /* rsp */
	regs[16] = IN(BY_R10);
	struct walk_process p = process(stack);
	assert_int_equal(walk(&p, &s, frames, &len, 8), UNWIND_END_COMPLETE);
	assert_int_equal(len, 4);
	assert_int_equal(frames[0], FRAME(CODE_AT(LEAF) + 0x20));
	assert_int_equal(frames[1],
			 FRAME(CODE_AT(TRAMPOLINE) + 0x20)); /* returned to, not called */
	assert_int_equal(frames[2], FRAME(CODE_AT(BY_R10) + 0x20));
	assert_int_equal(frames[3], FRAME(CODE_AT(OUTERMOST) + 0x1f));
}

/* The C library of this program as a second mapping. */
static void map_libc(const void *inside, struct unwind_mapping *to)
{
	struct elf_file *f;
	Dl_info info;

	assert_true(dladdr(inside, &info) != 0);
	_cleanup_close_ int fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	assert_int_equal(elf_file_open_fd(fd, info.dli_fname, &f, NULL), 0);
	*to = (struct unwind_mapping){ .start = (uint64_t)info.dli_fbase,
				       .end = UINT64_MAX,
				       .bias = (uint64_t)info.dli_fbase,
				       .file = UNWIND_FILE_FIRST + 1 };
	assert_int_equal(unwind_tables_add(tables, f, &to->dir, NULL), 0);
	elf_file_close(f);
}

/* From its system call on, clone is a leaf in the parent and a root in the child. */
static void test_clone(void **state)
{
	(void)state;
	uint64_t stack[STACK_LEN] = { IN(OUTERMOST) }, frames[8];
	struct unwind_mapping both[2] = { mapping };
	struct walk_process p = process(stack);
	const uint8_t *at = dlsym(RTLD_DEFAULT, "clone");

	assert_non_null(at);
	map_libc(at, &both[1]);
	p.mappings = both;
	p.mappings_len = 2;
	at = memmem(at, 128, "\x0f\x05", 2);
	assert_non_null(at);
	for (int child = 0; child <= 1; child++) {
		struct unwind_state s = { .pc = (uint64_t)at + 2, .sp = STACK, .exact = 1 };
		size_t len = 0;

		s.regs[0] = child ? 0 : -38ULL; /* ENOSYS, while the kernel is at it */
		assert_int_equal(walk(&p, &s, frames, &len, 8), UNWIND_END_COMPLETE);
		assert_int_equal(len, child ? 1 : 2);
	}
	assert_int_equal(frames[1], FRAME(CODE_AT(OUTERMOST) + 0x1f));
}

static void *context_return;

static void in_context(void)
{
	context_return = __builtin_return_address(0);
}

/* What makecontext lets a function return to, at its first byte, is a root. */
static void test_start_of_a_context(void **state)
{
	(void)state;
	static char context_stack[65536];
	ucontext_t context, back;

	getcontext(&context);
	context.uc_stack = (stack_t){ .ss_sp = context_stack, .ss_size = sizeof(context_stack) };
	context.uc_link = &back;
	makecontext(&context, in_context, 0);
	swapcontext(&back, &context);

	uint64_t stack[STACK_LEN] = { (uint64_t)context_return }, frames[8];
	struct unwind_mapping both[2] = { mapping };
	struct walk_process p = process(stack);
	struct unwind_state s = { .pc = IN(LEAF), .sp = STACK, .exact = 1 };
	size_t len = 0;
	map_libc(context_return, &both[1]);
	p.mappings = both;
	p.mappings_len = 2;
	assert_int_equal(walk(&p, &s, frames, &len, 8), UNWIND_END_COMPLETE);
	assert_int_equal(len, 2);
	assert_int_equal(frames[1] & UNWIND_FRAME_OFFSET_MASK,
			 (uint64_t)context_return - both[1].bias);
}

/* A walk that is handed over goes on from the frames that are there. */
static void test_goes_on_up_to_max(void **state)
{
	(void)state;
	uint64_t stack[STACK_LEN], frames[STACK_LEN + 9] = { 42 };
	struct unwind_state s = { .pc = IN(LEAF) - 1, .sp = STACK };
	size_t len = 1;

	for (size_t i = 0; i < STACK_LEN; i++)
		stack[i] = IN(LEAF);
	struct walk_process p = process(stack);
	assert_int_equal(walk(&p, &s, frames, &len, 5), UNWIND_END_TRUNCATED);
	assert_int_equal(len, 5);
	assert_int_equal(frames[0], 42);
	assert_int_equal(s.sp, WORD(4));
	assert_int_equal(walk(&p, &s, frames, &len, STACK_LEN + 9), UNWIND_END_SHORT_COPY);
	assert_int_equal(len, STACK_LEN + 2);
	assert_int_equal(frames[STACK_LEN], FRAME(CODE_AT(LEAF) + 0x1f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signal_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_of_a_context, setup, teardown),
		cmocka_unit_test_setup_teardown(test_goes_on_up_to_max, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
