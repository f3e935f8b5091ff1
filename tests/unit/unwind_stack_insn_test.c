// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/stack_insn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define BYTES(s) .code = s, .size = sizeof(s) - 1

/* All of each code is one instruction. */
static const struct {
	const char *name, *code;
	size_t size;
	struct stack_insn insn;
} cases[] = {
	{ "nop", BYTES("\x90"), { 0 } },
	{ "endbr64", BYTES("\xf3\x0f\x1e\xfa"), { 0 } },
	{ "nopw 0(%rax,%rax)", BYTES("\x66\x0f\x1f\x84\x00\x00\x00\x00\x00"), { 0 } },
	{ "mov 8(%rsp),%r10", BYTES("\x4c\x8b\x54\x24\x08"), { 0 } },
	{ "mov 0x12345678,%eax", BYTES("\x8b\x04\x25\x78\x56\x34\x12"), { 0 } },
	{ "movabs $1,%rax", BYTES("\x48\xb8\x01\x00\x00\x00\x00\x00\x00\x00"), { 0 } },
	{ "movabs 8 bytes,%al", BYTES("\xa0\x01\x00\x00\x00\x00\x00\x00\x00"), { 0 } },
	{ "mov $1,%ax", BYTES("\x66\xb8\x01\x00"), { 0 } },
	{ "movl $1,(%rax)", BYTES("\xc7\x00\x01\x00\x00\x00"), { 0 } },
	{ "test $1,%bl", BYTES("\xf6\xc3\x01"), { 0 } },
	{ "not %ebx", BYTES("\xf7\xd3"), { 0 } },
	{ "cmp $8,%rsp", BYTES("\x48\x83\xfc\x08"), { 0 } },
	{ "add $8,%r12", BYTES("\x49\x83\xc4\x08"), { 0 } },
	{ "palignr $8,%xmm0,%xmm1", BYTES("\x66\x0f\x3a\x0f\xc8\x08"), { 0 } },
	{ "pshufb %xmm0,%xmm1", BYTES("\x66\x0f\x38\x00\xc8"), { 0 } },
	{ "vmovdqu (%rsi),%ymm0", BYTES("\xc5\xfe\x6f\x06"), { 0 } },
	{ "vpalignr $8, ...", BYTES("\xc4\xe3\x79\x0f\xc8\x08"), { 0 } },
	{ "vmovdqu64 64(%rsi),%zmm16", BYTES("\x62\xe1\xfe\x48\x6f\x46\x01"), { 0 } },
	{ "syscall", BYTES("\x0f\x05"), { 0 } },

	{ "push %rbx", BYTES("\x53"), { .stack = STACK_MOVES, .value = -8 } },
	{ "push %r13", BYTES("\x41\x55"), { .stack = STACK_MOVES, .value = -8 } },
	{ "push %rbp",
	  BYTES("\x55"),
	  { .stack = STACK_MOVES, .frame = FRAME_PUSHED, .value = -8 } },
	{ "pop %rbp", BYTES("\x5d"), { .stack = STACK_MOVES, .frame = FRAME_POPPED, .value = 8 } },
	{ "pop %r13", BYTES("\x41\x5d"), { .stack = STACK_MOVES, .value = 8 } },
	{ "pop %rsp", BYTES("\x5c"), { .stack = STACK_LOST, .value = 8 } },
	{ "push $1", BYTES("\x6a\x01"), { .stack = STACK_MOVES, .value = -8 } },
	{ "push 8(%rax)", BYTES("\xff\x70\x08"), { .stack = STACK_MOVES, .value = -8 } },
	{ "sub $24,%rsp", BYTES("\x48\x83\xec\x18"), { .stack = STACK_MOVES, .value = -24 } },
	{ "add $0x188,%rsp",
	  BYTES("\x48\x81\xc4\x88\x01\x00\x00"),
	  { .stack = STACK_MOVES, .value = 0x188 } },
	{ "lea -16(%rsp),%rsp",
	  BYTES("\x48\x8d\x64\x24\xf0"),
	  { .stack = STACK_MOVES, .value = -16 } },
	{ "lea -40(%rbp),%rsp",
	  BYTES("\x48\x8d\x65\xd8"),
	  { .stack = STACK_FROM_BP, .value = -40 } },
	{ "lea 8(%r10),%rsp", BYTES("\x49\x8d\x62\x08"), { .stack = STACK_LOST } },
	{ "lea (%rsp,%rax),%rsp", BYTES("\x48\x8d\x24\x04"), { .stack = STACK_LOST } },
	{ "mov %rbp,%rsp", BYTES("\x48\x89\xec"), { .stack = STACK_FROM_BP } },
	{ "mov %rdi,%rsp", BYTES("\x48\x89\xfc"), { .stack = STACK_LOST } },
	{ "mov (%rdi),%rsp", BYTES("\x48\x8b\x27"), { .stack = STACK_LOST } },
	{ "mov %rsp,(%rdi)", BYTES("\x48\x89\x27"), { 0 } },
	{ "sub %rax,%rsp", BYTES("\x48\x29\xc4"), { .stack = STACK_LOST } },
	{ "and $-16,%rsp", BYTES("\x48\x83\xe4\xf0"), { .stack = STACK_LOST } },
	{ "xchg %rax,%rsp", BYTES("\x48\x94"), { .stack = STACK_LOST } },
	{ "leave", BYTES("\xc9"), { .stack = STACK_LEAVE, .frame = FRAME_POPPED } },
	{ "mov %rsp,%rbp", BYTES("\x48\x89\xe5"), { .frame = FRAME_SET } },
	{ "mov %rsp,%rbp, the other way", BYTES("\x48\x8b\xec"), { .frame = FRAME_SET } },
	{ "mov %rsp,%r13", BYTES("\x49\x89\xe5"), { 0 } },
	{ "xor %ebp,%ebp", BYTES("\x31\xed"), { .frame = FRAME_ZERO } },
	{ "xor %r13d,%r13d", BYTES("\x45\x31\xed"), { 0 } },

	{ "ret", BYTES("\xc3"), { .next = NEXT_RETURN } },
	{ "ret $8", BYTES("\xc2\x08\x00"), { .next = NEXT_RETURN } },
	{ "hlt", BYTES("\xf4"), { .next = NEXT_NOWHERE } },
	{ "ud2", BYTES("\x0f\x0b"), { .next = NEXT_NOWHERE } },
	{ "call",
	  BYTES("\xe8\xfb\xff\xff\xff"),
	  { .next = NEXT_CALL, .direct = true, .target = -5 } },
	{ "call *%r9", BYTES("\x41\xff\xd1"), { .next = NEXT_CALL } },
	{ "call *8(%rax)", BYTES("\xff\x50\x08"), { .next = NEXT_CALL } },
	{ "jmp",
	  BYTES("\xe9\x10\x00\x00\x00"),
	  { .next = NEXT_JUMP, .direct = true, .target = 16 } },
	{ "jmp, short", BYTES("\xeb\xfe"), { .next = NEXT_JUMP, .direct = true, .target = -2 } },
	{ "je, short", BYTES("\x74\x02"), { .next = NEXT_BRANCH, .direct = true, .target = 2 } },
	{ "ja",
	  BYTES("\x0f\x87\x00\x01\x00\x00"),
	  { .next = NEXT_BRANCH, .direct = true, .target = 256 } },
	{ "notrack jmp *%rax", BYTES("\x3e\xff\xe0"), { .next = NEXT_SWITCH } },
	{ "jmp *8(,%rax,8)", BYTES("\xff\x24\xc5\x08\x00\x00\x00"), { .next = NEXT_SWITCH } },
	{ "lea 16(%rip),%rdi",
	  BYTES("\x48\x8d\x3d\x10\x00\x00\x00"),
	  { .addresses = true, .target = 16 } },
};

static void test_instructions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct stack_insn *want = &cases[i].insn;
		struct stack_insn in;

		if (!stack_insn_decode((const uint8_t *)cases[i].code, cases[i].size, &in))
			fail_msg("%s: not decoded", cases[i].name);
		if (in.len != cases[i].size)
			fail_msg("%s: %d bytes", cases[i].name, in.len);
		if (in.next != want->next || in.direct != want->direct ||
		    in.addresses != want->addresses || in.target != want->target)
			fail_msg("%s: next %d, target %d", cases[i].name, in.next, in.target);
		if (in.stack != want->stack || in.frame != want->frame || in.value != want->value)
			fail_msg("%s: stack %d by %d, frame %d", cases[i].name, in.stack, in.value,
				 in.frame);
	}
}

/* No instruction is decoded from less than all of its bytes. */
static void test_cut_instructions(void **state)
{
	struct stack_insn in;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t size = 0; size < cases[i].size; size++)
			if (stack_insn_decode((const uint8_t *)cases[i].code, size, &in))
				fail_msg("%s: decoded from %zu bytes", cases[i].name, size);
}

static void test_what_is_no_instruction(void **state)
{
	static const uint8_t prefixes[32] = { [0 ... 31] = 0x66 };
	struct stack_insn in;

	(void)state;
	assert_false(stack_insn_decode(prefixes, sizeof(prefixes), &in));
	assert_false(stack_insn_decode((const uint8_t *)"\xc4\xff\xff\xff\xff\xff", 6, &in));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instructions),
		cmocka_unit_test(test_cut_instructions),
		cmocka_unit_test(test_what_is_no_instruction),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
