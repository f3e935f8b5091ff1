// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Code without CFI, followed; and glibc's code, which has CFI to compare with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sym_program.h"
#include "unwind/cfi_program.h"
#include "unwind/heights.h"
#include "unwind/quirks.h"
#include "unwind/stack_insn.h"

#define FUNCTION(name, body)                                                                       \
	".p2align 4\n.globl " name "\n.type " name ",@function\n" name ":\n" body "\n"
#define RODATA ".section .rodata\n.p2align 3\n"
#define LIBC   FUNCTION("__libc_start_main", "ret") FUNCTION("abort", "jmp abort")

/*
 * What is known before each instruction of `f`, up to its last: the height; with "b" behind it if
 * the caller's rbp is on the stack; "frame" if rbp alone leads to the caller, "root", or "?".
 */
static const struct {
	const char *name, *source, *heights;
} cases[] = {
	{ "pushes and pops",
	  FUNCTION("f", "push %rbx\npush %rbp\nsub $24,%rsp\nnop\nadd $24,%rsp\npop %rbp\n"
			"pop %rbx\nret"),
	  "0 8 16b 40b 40b 16b 8 0" },
	{ "branches",
	  FUNCTION("f", "push %rbx\ntest %rdi,%rdi\nje 1f\npop %rbx\nret\n1: sub $16,%rsp\n"
			"add $16,%rsp\npop %rbx\nret"),
	  "0 8 8 8 0 8 24 8 0" },
	{ "a loop", FUNCTION("f", "push %rbx\n1: dec %edi\njne 1b\npop %rbx\nret"), "0 8 8 8 0" },
	{ "a frame pointer",
	  FUNCTION("f", "push %rbp\nmov %rsp,%rbp\nand $-64,%rsp\nsub $64,%rsp\nnop\nleave\nret"),
	  "0 8b 8b frame frame frame 0" },
	{ "back by the frame pointer",
	  FUNCTION("f", "push %rbp\nmov %rsp,%rbp\npush %rbx\nsub %rax,%rsp\n"
			"lea -8(%rbp),%rsp\npop %rbx\npop %rbp\nret"),
	  "0 8b 8b 16b frame 16b 8b 0" },
	{ "the stack pointer lost", FUNCTION("f", "push %rbx\nsub %rax,%rsp\nnop\nret"),
	  "0 8 ? ?" },
	{ "a call that does not return",
	  FUNCTION("f", "push %rbx\ntest %rdi,%rdi\nje 1f\npop %rbx\nret\n1: call abort\nnop"),
	  "0 8 8 8 0 8 ?" },
	{ "a call of a trap",
	  FUNCTION("f",
		   "push %rbx\ntest %rdi,%rdi\nje 1f\npop %rbx\nret\n1: call trap\nnop") ".p2align "
											 "4\ntrap: "
											 "hlt\n",
	  "0 8 8 8 0 8 ?" },
	{ "a call that does not return, and then another function",
	  FUNCTION("f", "push %rbx\ncall g") ".globl g\n.type g,@function\ng: ret\n", "0 8 0" },
	{ "a contradiction: a return above the return address",
	  FUNCTION("f", "push %rbx\nnop\nret"), "? ? ?" },
	{ "a contradiction: two ways",
	  FUNCTION("f", "test %rdi,%rdi\nje 1f\npush %rbx\n1: nop\n2: jmp 2b"), "? ? ? ? ?" },
	{ "a switch", FUNCTION("f", "push %rbx\njmp *table(,%rdi,8)\npop %rbx\nret"), "0 8 8 0" },
	{ "no switch: the code behind is another's",
	  FUNCTION("f", "push %rbx\njmp *table(,%rdi,8)\nnop\nret"), "0 8 ? ?" },
	{ "a switch's table of words",
	  FUNCTION("f", "push %rbx\njmp *words(,%rdi,8)\ncase: nop\njmp out\nout: pop %rbx\nret")
		  RODATA "words: .quad case, 0\n.text\n",
	  "0 8 8 8 8 0" },
	{ "a switch's table of distances",
	  FUNCTION("f", "push %rbx\nlea from(%rip),%rdx\nmovslq (%rdx,%rdi,4),%rax\n"
			"add %rdx,%rax\njmp *%rax\nhlt\ncase: nop\njmp out\nout: pop %rbx\nret")
		  RODATA "from: .long out - from, case - from, 0\n.text\n",
	  "0 8 8 8 8 ? 8 8 8 0" },
	{ "the next table's entry: another function's case",
	  FUNCTION("g", "ret\nother: pop %rbx\nret")
		  FUNCTION("f", "push %rbx\njmp *words(,%rdi,8)\nhlt\nout: pop %rbx\nret") RODATA
	  "words: .quad out, other, 0\n.text\n",
	  "0 ? ?" },
	{ "a part moved away",
	  FUNCTION("f", "push %rbx\ntest %rdi,%rdi\nje f.cold\npop %rbx\nret\n"
			".type f.cold,@function\nf.cold: sub $8,%rsp\n1: jmp 1b"),
	  "0 8 8 8 0 8 16" },
	{ "an outermost function", FUNCTION("f", "xor %ebp,%ebp\npop %rdi\ncall *%rsi\nhlt"),
	  "0 root root root" },
	{ "rbp made 0 after it was saved",
	  FUNCTION("f", "push %rbp\nxor %ebp,%ebp\nnop\npop %rbp\nret"), "0 8b 8b 8b 0" },
	{ "a jump out with all taken back", FUNCTION("f", "push %rbx\npop %rbx\njmp abort"),
	  "0 8 0" },
};

static void text_of(struct buf *to, const struct height *h)
{
	buf_printf(to, to->len ? " " : "");
	if (h->known == HEIGHT_BYTES)
		buf_printf(to, "%d%s", h->bytes, h->bp_at ? "b" : "");
	else
		buf_printf(to, h->known == HEIGHT_FRAME       ? "frame"
			       : h->known == HEIGHT_OUTERMOST ? "root"
							      : "?");
}

/* As many instructions as are expected, from a place in .text on. */
static void dump(struct buf *to, struct elf_file *f, const struct heights *h, uint64_t at, size_t n)
{
	struct elf_range text;

	assert_int_equal(elf_file_section(f, ".text", &text, NULL), 0);
	for (; n > 0; n--) {
		struct stack_insn in;
		assert_true(stack_insn_decode(text.data + at, text.size - at, &in));
		text_of(to, &h->items.items[text.vaddr - h->start + at]);
		at += in.len;
	}
}

static size_t words_in(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == ' ';
	return n;
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct heights heights = { 0 };
		struct cfi_table none = { 0 };
		struct buf have = { 0 }, source = { 0 };

		buf_printf(&source, ".comm table,64,8\n.text\n%s" LIBC, cases[i].source);
		program_write("case.s", source.data);
		program_run("gcc -nostdlib -static -no-pie -Wl,-z,noexecstack -Wl,-e,f case.s "
			    "-o case");
		struct program p = program_open("case");
		assert_int_equal(heights_add(&heights, p.elf, &none), 0);
		assert_true(none.fdes.len > 0);
		dump(&have, p.elf, &heights, 0, words_in(cases[i].heights));
		if (strcmp(have.data, cases[i].heights) != 0)
			fail_msg("%s: %s, not %s", cases[i].name, have.data, cases[i].heights);
		buf_deinit(&have);
		buf_deinit(&source);
		heights_deinit(&heights);
		cfi_table_deinit(&none);
		program_close(&p);
	}
}

/* A C library that has CFI is left alone, and so is a file that is none. */
static void test_what_is_not_followed(void **state)
{
	static const char *const sources[] = {
		".text\n" FUNCTION("f", "ret"),
		".text\n.globl __libc_start_main\n.type __libc_start_main,@function\n"
		"__libc_start_main:\n.cfi_startproc\nnop\nret\n.cfi_endproc\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct heights heights = { 0 };
		struct elf_range section = { 0 };
		struct cfi_table table;

		program_write("case.s", sources[i]);
		program_run("gcc -nostdlib -shared case.s -o case.so");
		struct program p = program_open("case.so");
		elf_file_eh_frame(p.elf, &section, NULL);
		assert_int_equal(cfi_table_init(&table, section), 0);
		size_t before = table.fdes.len;
		assert_int_equal(heights_add(&heights, p.elf, &table), 0);
		assert_int_equal(table.fdes.len, before);
		assert_int_equal(heights.items.len, 0);
		cfi_table_deinit(&table);
		program_close(&p);
	}
}

/* ---- Without symbols --------------------------------------------------------------------------
 */

#define START "call f\nhlt\n"

/*
 * The same of `f` in a stripped program whose entry point, behind it, is followed by `source`. The
 * addresses of `h` are data or constants.
 */
static const struct {
	const char *name, *f, *source, *heights;
} nameless_cases[] = {
	{ "called by the entry point", "push %rbx\npop %rbx\nret", START, "0 8 0" },
	{ "jumped to by the entry point", "push %rbx\npop %rbx\nret", "jmp f", "0 8 0" },
	{ "an address in code", "push %rbx\npop %rbx\nret", "mov $f,%rdi\ncall *%rax\nhlt",
	  "0 8 0" },
	{ "an address in code, relative", "push %rbx\npop %rbx\nret",
	  "lea f(%rip),%rdi\ncall *%rax\nhlt", "0 8 0" },
	{ "an address in data", "push %rbx\npop %rbx\nret",
	  "call g\nhlt\ng: ret\n.data\n.p2align 3\n.quad f", "0 8 0" },
	{ "an address in data of what takes more off the stack than is its own",
	  "push %rbx\nnop\npop %rbx\nret", "call g\nhlt\ng: ret\n.data\n.p2align 3\n.quad f + 1",
	  "? ? ? ?" },
	{ "an address in data of what never returns", "push %rbx\n1: jmp 1b",
	  "call g\nhlt\ng: ret\n.data\n.p2align 3\n.quad f", "? ?" },
	{ "an address in data of what saves a register and ends the program",
	  "push %rbx\ncall last\nnop",
	  "call g\ncall last\nhlt\ng: ret\nlast: mov $60,%eax\n1: syscall\njmp 1b\n"
	  ".data\n.p2align 3\n.quad f",
	  "0 8 ?" },
	{ "a call of what nobody knows to end, and then a function that is not known to be one",
	  "push %rbx\ncall *%rdi\nnop\npush %r12\n1: jmp 1b", START, "0 8 ? ? ?" },
	{ "an address in data of what makes rbp 0 in the middle", "push %rbp\nxor %ebp,%ebp\nret",
	  "call g\nhlt\ng: ret\n.data\n.p2align 3\n.quad f + 1", "? ? ?" },
	{ "an address in data of what takes rbp from another place",
	  "push %rbp\npush %rbx\npop %rbp\npop %rbx\nret",
	  "call g\nhlt\ng: ret\n.data\n.p2align 3\n.quad f", "? ? ? ? ?" },
	{ "an address in data of the middle of an instruction", "mov $0xc3c3,%eax\nret",
	  START ".data\n.p2align 3\n.quad f + 1", "0 0" },
	{ "a call of what is to be learned to end: code behind is another's",
	  "push %rbx\ntest %rdi,%rdi\nje 1f\npop %rbx\nret\n1: call last\nnop\nnop",
	  START "last: call end\nend: mov $60,%eax\n1: syscall\njmp 1b", "0 8 8 8 0 8 ? ?" },
	{ "a call of what never returns, padding, another function",
	  "push %rbx\ncall g\nnop\nnopw 0(%rax,%rax)\ng: mov %rdi,%rax\nret", START,
	  "0 8 ? ? 0 0" },
};

static void test_nameless_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nameless_cases); i++) {
		struct heights heights = { 0 };
		struct cfi_table none = { 0 };
		struct buf have = { 0 }, source = { 0 };

		buf_printf(
			&source,
			".text\nhlt\n.p2align 4\nf: %s\n.globl s\ns: %s\n.text\n.fill 64,1,0xf4\n",
			nameless_cases[i].f, nameless_cases[i].source);
		program_write("case.s", source.data);
		program_run("gcc -nostdlib -static -no-pie -s -Wl,-z,noexecstack -Wl,-e,s case.s "
			    "-o case");
		struct program p = program_open("case");
		assert_int_equal(heights_add(&heights, p.elf, &none), 0);
		assert_true(heights.items.len > 0);
		/* The program's header has the address of .text. */
		dump(&have, p.elf, &heights, 16, words_in(nameless_cases[i].heights));
		if (strcmp(have.data, nameless_cases[i].heights) != 0)
			fail_msg("%s: %s, not %s", nameless_cases[i].name, have.data,
				 nameless_cases[i].heights);
		buf_deinit(&have);
		buf_deinit(&source);
		heights_deinit(&heights);
		cfi_table_deinit(&none);
		program_close(&p);
	}
}

static void heights_open(struct program *p, struct heights *h, const char *name)
{
	struct elf_range section = { 0 };
	struct cfi_table table;

	*p = program_open(name);
	*h = (struct heights){ 0 };
	elf_file_eh_frame(p->elf, &section, NULL);
	assert_int_equal(cfi_table_init(&table, section), 0);
	assert_int_equal(quirks_add(&table, p->elf), 0);
	assert_int_equal(heights_add(h, p->elf, &table), 0);
	cfi_table_deinit(&table);
}

static const char uses_musl[] =
	"#include <stdio.h>\n#include <stdlib.h>\n#include <regex.h>\n#include <glob.h>\n"
	"#include <netdb.h>\n#include <pthread.h>\n#include <math.h>\n#include <time.h>\n"
	"static int order(const void *a, const void *b) { return a < b; }\n"
	"static void *thread(void *x) { return x; }\n"
	"int main(int n, char **v)\n{\n"
	"	regex_t r; glob_t g; pthread_t t; char b[64]; time_t now = time(0);\n"
	"	qsort(v, n, sizeof(*v), order); regcomp(&r, *v, 0); glob(*v, 0, 0, &g);\n"
	"	gethostbyname(*v); pthread_create(&t, 0, thread, v); pthread_join(t, 0);\n"
	"	strftime(b, 64, *v, localtime(&now)); printf(b, tgamma(n)); sscanf(b, *v, b);\n"
	"	abort();\n}\n";

/* Symbols tell more functions, those that nothing leads to; they tell nothing else. */
static void test_stripped_as_with_symbols(void **state)
{
	static const char *const flags[] = { "-static", "-static -static-pie" };
	struct program named, nameless;
	struct heights a, b;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		size_t known = 0, both = 0;

		program_write("uses.c", uses_musl);
		program_run("musl-gcc -w -O2 %s uses.c -o named && strip -o nameless named",
			    flags[i]);
		heights_open(&named, &a, "named");
		heights_open(&nameless, &b, "nameless");
		assert_int_equal(a.items.len, b.items.len);
		for (uint64_t at = 0; at < a.items.len; at++) {
			struct unwind_rule one, other;
			bool has = heights_rule(&a, a.start + at, &one);
			if (heights_rule(&b, b.start + at, &other) && has) {
				both++;
				assert_memory_equal(&one, &other, sizeof(one));
			}
			known += has;
		}
		if (known < 20000 || (double)both < 0.9 * (double)known)
			fail_msg("%s: %zu of %zu instructions", flags[i], both, known);
		heights_deinit(&a);
		heights_deinit(&b);
		program_close(&named);
		program_close(&nameless);
	}
}

/* ---- Against CFI ------------------------------------------------------------------------------
 */

static void compare_row(const struct heights *h, const struct cfi_program *p, uint64_t *known,
			uint64_t *same)
{
	const struct cfi_rule *cfa = &p->row.columns[CFI_CFA];

	for (uint64_t at = p->start; at < p->end; at++) {
		if (at < h->start || at - h->start >= h->items.len)
			return;
		const struct height *x = &h->items.items[at - h->start];
		if (x->known != HEIGHT_BYTES || cfa->how != CFI_REGISTER)
			continue;
		++*known;
		*same += cfa->reg == UNWIND_REG_SP ? cfa->offset == x->bytes + 8
						   : cfa->offset == x->frame - 1 + 8;
	}
}

static void compare_with_cfi(const char *name, double at_least)
{
	struct program p = program_open(name);
	struct heights heights = { 0 };
	struct cfi_table table, none = { 0 };
	struct elf_range section;
	uint64_t known = 0, same = 0;

	assert_int_equal(elf_file_eh_frame(p.elf, &section, NULL), 0);
	assert_int_equal(cfi_table_init(&table, section), 0);
	assert_int_equal(heights_add(&heights, p.elf, &none), 0);
	vec_for_each(fde, &table.fdes) {
		struct cfi_program program;
		struct cfi_row start;

		if (!cfi_program_cie(&table.section, &table.cies.items[fde->cie], &start))
			continue;
		cfi_program_init(&program, &table, fde, &start);
		while (cfi_program_next(&program))
			compare_row(&heights, &program, &known, &same);
	}
	if (known < 100000 || (double)same < at_least * (double)known)
		fail_msg("%s: %lu of %lu heights agree with CFI", name, same, known);
	heights_deinit(&heights);
	cfi_table_deinit(&none);
	cfi_table_deinit(&table);
	program_close(&p);
}

/* Nothing of what these tell of themselves is used: a libc with symbols, a program without. */
static void test_heights_agree_with_cfi(void **state)
{
	(void)state;
	compare_with_cfi("../../lib/x86_64-linux-gnu/libc.so.6", 0.999);
	compare_with_cfi("../../bin/bash", 0.9999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_what_is_not_followed),
		cmocka_unit_test(test_nameless_cases),
		cmocka_unit_test(test_stripped_as_with_symbols),
		cmocka_unit_test(test_heights_agree_with_cfi),
	};
	return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
