// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dwarf.h>

#include "base/cleanup.h"
#include "unwind/expr.h"

#define SP 0x7000
#define BP 0x8000
#define PC 0x401009

/* Every word of memory is its address times two; page 0 cannot be read. */
static int memory_read(void *ctx, uint64_t addr, void *to, uint32_t size)
{
	uint64_t value = addr * 2;

	(void)ctx;
	if (addr < 4096)
		return -1;
	memcpy(to, &value, size);
	return 0;
}

static int eval(const uint8_t *bytes, size_t len, bool exact, uint64_t *to)
{
	struct unwind_state s = { .pc = exact ? PC : PC - 1, .sp = SP, .bp = BP, .exact = exact };

	for (uint64_t i = 0; i < UNWIND_REGS; i++)
		s.regs[i] = 0x100 * i;
	return expr_eval(cursor_init(bytes, len), &s, memory_read, NULL, to);
}

static void test_values(void **state)
{
	(void)state;
	const struct {
		const char *name;
		uint8_t bytes[24];
		size_t len;
		uint64_t expected;
	} cases[] = {
		{ "lit", { DW_OP_lit31 }, 1, 31 },
		{ "const1u", { DW_OP_const1u, 0xff }, 2, 255 },
		{ "const1s", { DW_OP_const1s, 0xff }, 2, UINT64_MAX },
		{ "const2u", { DW_OP_const2u, 0xfe, 0xff }, 3, 0xfffe },
		{ "const2s", { DW_OP_const2s, 0xfe, 0xff }, 3, -2ULL },
		{ "const4u", { DW_OP_const4u, 0, 0, 0, 0x80 }, 5, 0x80000000 },
		{ "const4s", { DW_OP_const4s, 0, 0, 0, 0x80 }, 5, 0xffffffff80000000 },
		{ "const8u", { DW_OP_const8u, 1, 2, 3, 4, 5, 6, 7, 8 }, 9, 0x0807060504030201 },
		{ "constu", { DW_OP_constu, 0x80, 1 }, 3, 128 },
		{ "consts", { DW_OP_consts, 0x7f }, 2, UINT64_MAX },
		{ "rsp", { DW_OP_breg7, 8 }, 2, SP + 8 },
		{ "rbp", { DW_OP_breg6, 0x78 }, 2, BP - 8 },
		{ "r9", { DW_OP_breg9, 0 }, 2, 0x900 },
		{ "bregx", { DW_OP_bregx, 15, 1 }, 3, 0xf01 },
		{ "rip", { DW_OP_breg16, 0 }, 2, PC },
		{ "deref", { DW_OP_breg7, 0, DW_OP_deref }, 3, SP * 2 },
		{ "deref_size", { DW_OP_breg7, 0, DW_OP_deref_size, 1 }, 4, 0 },
		{ "dup", { DW_OP_lit3, DW_OP_dup, DW_OP_mul }, 3, 9 },
		{ "drop", { DW_OP_lit3, DW_OP_lit4, DW_OP_drop }, 3, 3 },
		{ "over", { DW_OP_lit3, DW_OP_lit4, DW_OP_over }, 3, 3 },
		{ "pick", { DW_OP_lit3, DW_OP_lit4, DW_OP_lit5, DW_OP_pick, 2 }, 5, 3 },
		{ "swap", { DW_OP_lit3, DW_OP_lit4, DW_OP_swap, DW_OP_minus }, 4, 1 },
		{ "rot: 1 2 3 to 3 1 2",
		  { DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot, DW_OP_minus, DW_OP_plus },
		  6,
		  2 },
		{ "abs", { DW_OP_const1s, 0xfb, DW_OP_abs }, 3, 5 },
		{ "neg", { DW_OP_lit5, DW_OP_neg }, 2, -5ULL },
		{ "not", { DW_OP_lit0, DW_OP_not }, 2, UINT64_MAX },
		{ "plus_uconst", { DW_OP_lit5, DW_OP_plus_uconst, 0x80, 1 }, 4, 133 },
		{ "and", { DW_OP_lit12, DW_OP_lit10, DW_OP_and }, 3, 8 },
		{ "or", { DW_OP_lit12, DW_OP_lit10, DW_OP_or }, 3, 14 },
		{ "xor", { DW_OP_lit12, DW_OP_lit10, DW_OP_xor }, 3, 6 },
		{ "minus", { DW_OP_lit3, DW_OP_lit5, DW_OP_minus }, 3, -2ULL },
		{ "div is signed", { DW_OP_const1s, 0xf8, DW_OP_lit3, DW_OP_div }, 4, -2ULL },
		{ "mod is unsigned", { DW_OP_lit17, DW_OP_lit5, DW_OP_mod }, 3, 2 },
		{ "least / -1 does not trap",
		  { DW_OP_lit1, DW_OP_const1u, 63, DW_OP_shl, DW_OP_const1s, 0xff, DW_OP_div },
		  7,
		  1ULL << 63 },
		{ "shl", { DW_OP_lit1, DW_OP_lit4, DW_OP_shl }, 3, 16 },
		{ "shl by 64", { DW_OP_lit1, DW_OP_const1u, 64, DW_OP_shl }, 4, 0 },
		{ "shr", { DW_OP_const1s, 0xff, DW_OP_const1u, 60, DW_OP_shr }, 5, 15 },
		{ "shra", { DW_OP_const1s, 0xf0, DW_OP_lit2, DW_OP_shra }, 4, -4ULL },
		{ "shra by 64", { DW_OP_const1s, 0xf0, DW_OP_const1u, 64, DW_OP_shra }, 5, -1ULL },
		{ "eq", { DW_OP_lit2, DW_OP_lit2, DW_OP_eq }, 3, 1 },
		{ "ne", { DW_OP_lit2, DW_OP_lit2, DW_OP_ne }, 3, 0 },
		{ "lt is signed", { DW_OP_const1s, 0xff, DW_OP_lit0, DW_OP_lt }, 4, 1 },
		{ "le", { DW_OP_lit2, DW_OP_lit2, DW_OP_le }, 3, 1 },
		{ "gt", { DW_OP_lit2, DW_OP_lit2, DW_OP_gt }, 3, 0 },
		{ "ge", { DW_OP_lit3, DW_OP_lit2, DW_OP_ge }, 3, 1 },
		{ "skip", { DW_OP_lit1, DW_OP_skip, 1, 0, DW_OP_drop, DW_OP_nop }, 6, 1 },
		{ "bra taken", { DW_OP_lit7, DW_OP_lit1, DW_OP_bra, 1, 0, DW_OP_drop }, 6, 7 },
		{ "bra not taken",
		  { DW_OP_lit7, DW_OP_lit9, DW_OP_lit0, DW_OP_bra, 1, 0, DW_OP_drop },
		  7,
		  7 },
		{ "a lazy PLT, argument not pushed yet",
		  { DW_OP_breg7, 8, DW_OP_breg16, 0, DW_OP_lit15, DW_OP_and, DW_OP_lit11, DW_OP_ge,
		    DW_OP_lit3, DW_OP_shl, DW_OP_plus },
		  11,
		  SP + 8 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = 0;

		print_message("%s\n", cases[i].name);
		assert_int_equal(eval(cases[i].bytes, cases[i].len, true, &value), 0);
		assert_int_equal(value, cases[i].expected);
	}
}

static void test_failures(void **state)
{
	(void)state;
	const struct {
		const char *name;
		uint8_t bytes[8];
		size_t len;
		bool exact;
		enum unwind_end expected;
	} cases[] = {
		{ "empty", { 0 }, 0, true, UNWIND_END_EXPRESSION },
		{ "unknown operation", { DW_OP_lo_user }, 1, true, UNWIND_END_EXPRESSION },
		{ "operand missing", { DW_OP_const4u, 1, 2 }, 3, true, UNWIND_END_EXPRESSION },
		{ "stack empty", { DW_OP_plus }, 1, true, UNWIND_END_EXPRESSION },
		{ "one operand for two",
		  { DW_OP_lit1, DW_OP_plus },
		  2,
		  true,
		  UNWIND_END_EXPRESSION },
		{ "pick too deep", { DW_OP_lit1, DW_OP_pick, 1 }, 3, true, UNWIND_END_EXPRESSION },
		{ "division by zero",
		  { DW_OP_lit1, DW_OP_lit0, DW_OP_div },
		  3,
		  true,
		  UNWIND_END_EXPRESSION },
		{ "endless loop", { DW_OP_skip, 0xfd, 0xff }, 3, true, UNWIND_END_EXPRESSION },
		{ "stack overflow",
		  { DW_OP_lit1, DW_OP_skip, 0xfc, 0xff },
		  4,
		  true,
		  UNWIND_END_EXPRESSION },
		{ "branch out", { DW_OP_skip, 0, 0x80 }, 3, true, UNWIND_END_EXPRESSION },
		{ "memory", { DW_OP_lit8, DW_OP_deref }, 2, true, UNWIND_END_BAD_READ },
		{ "no such register", { DW_OP_breg17, 0 }, 2, true, UNWIND_END_NO_REGISTER },
		{ "a caller's r9", { DW_OP_breg9, 0 }, 2, false, UNWIND_END_NO_REGISTER },
		{ "a caller's rip is its return address", { DW_OP_breg16, 0 }, 2, false, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = PC;

		print_message("%s\n", cases[i].name);
		assert_int_equal(eval(cases[i].bytes, cases[i].len, cases[i].exact, &value),
				 cases[i].expected);
		assert_int_equal(value, PC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
