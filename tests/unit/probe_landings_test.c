// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/landings.h"
#include "probe_assembly.h"

/* "first" and "second" are asked about; where branches land in them is told by their names. */
static const char source[] =
	FUNCTION("first", ".skip 40,0x90\nret") FUNCTION("second", ".skip 70,0x90\nret")
	/* entries, far and near, and what is too far behind one */
	FUNCTION("f", "call first\ncall second\njmp second+64\n.skip 600,0x90")
		FUNCTION("g", "call second+1\njmp first+30\n.byte 0x0f,0x85\n.long second+63-.-4\n"
			      ".byte 0x0f,0x05\n.long second+30-.-4\n"
			      "ret\n.byte 0xe9\n.long first-1-.-4");

static void ask(struct landings *t, const struct program *p)
{
	struct code *code;

	assert_int_equal(code_create(p->elf, &code, NULL), 0);
	assert_int_equal(vec_push(&t->entries, program_symbol("landings.so", "second", NULL)), 0);
	assert_int_equal(vec_push(&t->entries, program_symbol("landings.so", "first", NULL)), 0);
	assert_int_equal(landings_find(t, p->elf, code, NULL), 0);
	code_destroy(code);
}

static void test_finds_what_lands_inside(void **state)
{
	(void)state;
	struct landings t = { 0 };

	assemble("landings.so", source, "-shared -Wl,-Bsymbolic");
	struct program p = program_open("landings.so");
	ask(&t, &p);
	uint64_t first = t.entries.items[0], second = t.entries.items[1];
	const uint64_t expected[] = { first + 30, second + 1, second + 63 };

	assert_int_equal(first, program_symbol("landings.so", "first", NULL));
	assert_int_equal(t.addresses.len, ARRAY_SIZE(expected));
	assert_memory_equal(t.addresses.items, expected, sizeof(expected));
	assert_false(landings_within(&t, first, first + 29));
	assert_true(landings_within(&t, first, first + 30));
	assert_true(landings_within(&t, first + 30, first + 30));
	assert_false(landings_within(&t, first + 31, second));
	assert_true(landings_within(&t, second + 1, second + 2));
	assert_false(landings_within(&t, second + 64, UINT64_MAX));
	landings_deinit(&t);
	program_close(&p);
}

/* A branch may lie across the border of two reads, and end with the segment's last byte. */
static void test_finds_branches_anywhere(void **state)
{
	(void)state;
	static const int distances[] = { (1 << 20) - 8, (1 << 20) - 1, (1 << 20), (1 << 20) + 4,
					 (2 << 20) - 3 };

	for (size_t i = 0; i < ARRAY_SIZE(distances); i++) {
		char text[512];
		struct landings t = { 0 };

		snprintf(text, sizeof(text),
			 FUNCTION("first", ".skip 64,0x90\nret") FUNCTION(
				 "second",
				 "ret") ".org first+%d,0x90\n.byte 0xe9\n.long first+7-.-4\n",
			 distances[i]);
		assemble("landings.so", text, "-shared");
		struct program p = program_open("landings.so");
		ask(&t, &p);
		assert_true(landings_within(&t, t.entries.items[0] + 7, t.entries.items[0] + 7));
		landings_deinit(&t);
		program_close(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_what_lands_inside),
		cmocka_unit_test(test_finds_branches_anywhere),
	};
	return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
