// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>

#include <cmocka.h>
#include <elf.h>

#include "sym/symbols.h"
#include "sym_program.h"

/* Inlined calls three deep, templates, lambdas, and functions that are private to the file. */
static const char source[] =
	"#include <algorithm>\n"
	"#include <cstdlib>\n"
	"#include <map>\n"
	"#include <string>\n"
	"#include <vector>\n"
	"#define NOINLINE __attribute__((noinline))\n"
	"#define INLINE __attribute__((always_inline)) inline\n"
	"volatile int sink;\n"
	"#include \"inc/half.h\"\n"
	"namespace shop {\n"
	"struct Item { int price; INLINE int taxed(int rate) const; };\n"
	"INLINE int Item::taxed(int rate) const { return price + price / rate + sink; }\n"
	"template <class T> INLINE int total(const std::vector<T> &items)\n"
	"{\n"
	"	int sum = 0;\n"
	"	for (const T &i : items)\n"
	"		sum += i.taxed(sum + 3);\n"
	"	return sum;\n"
	"}\n"
	"struct ByPrice {\n"
	"	bool operator()(const Item &a, const Item &b) const { return a.price < b.price; }\n"
	"};\n"
	"NOINLINE int checkout(std::vector<Item> &items)\n"
	"{\n"
	"	std::sort(items.begin(), items.end(), ByPrice());\n"
	"	return total(items);\n"
	"}\n"
	"}\n"
	"namespace {\n"
	"struct Hidden { int n; NOINLINE int run(int a); INLINE int twice(int a); };\n"
	"int Hidden::run(int a) { sink = a; return n * a + sink; }\n"
	"int Hidden::twice(int a) { sink = a; return run(a) + sink / 3; }\n"
	"}\n"
	"NOINLINE int hide(int a)\n"
	"{\n"
	"	auto add = [a](int b) { sink = b; return sink + a; };\n"
	"	Hidden h{a};\n"
	"	return h.twice(a) + add(1);\n"
	"}\n"
	"extern \"C\" NOINLINE int plain(int a) { sink = a; return half(a); }\n"
	"int main(int argc, char **)\n"
	"{\n"
	"	std::vector<shop::Item> items;\n"
	"	std::map<std::string, int> names;\n"
	"	for (int i = 0; i < argc * 100; i++) {\n"
	"		items.push_back({rand()});\n"
	"		names[std::to_string(i)] = i;\n"
	"	}\n"
	"	return shop::checkout(items) + hide(argc) + plain(argc) + (int)names.size();\n"
	"}\n";

/* Its directory is relative to the compiler's. */
static const char header[] = "inline int half(int a) { return sink + a / 2; }\n";

static void source_write(void)
{
	program_run("mkdir -p inc");
	program_write("inc/half.h", header);
	program_write("a.cc", source);
}

/* ---- Resolving as text ----------------------------------------------------------------------- */

/* All frames of all addresses, in addr2line's format. */
static void resolve_text(const char *program, const char *root, const uint64_t *addrs, size_t n,
			 struct buf *out)
{
	struct program p = program_open(program);
	int root_fd = root ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct debugfile_place place = { root_fd, root ? p.path + strlen(root) : p.path };
	struct symbols_result *results = calloc(n, sizeof(*results));
	struct symbols *s;

	assert_int_equal(symbols_create(p.elf, &place, &s, NULL), 0);
	assert_int_equal(symbols_resolve(s, addrs, n, results, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "0x%016" PRIx64 "\n", addrs[i]);
		for (uint32_t k = 0; k < results[i].len; k++) {
			const struct symbols_frame *f = &results[i].frames[k];
			buf_printf(out, "%s\n%s:", f->name, f->file ? f->file : "??");
			buf_printf(out, f->line ? "%u\n" : "?\n", f->line);
		}
	}
	symbols_destroy(s);
	free(results);
	program_close(&p);
	if (root_fd >= 0)
		close(root_fd);
	assert_int_equal(out->error, 0);
}

static void expect_equal_lines(char *ours, char *theirs, const char *what)
{
	char *our_rest, *their_rest;
	char *a = strtok_r(ours, "\n", &our_rest), *b = strtok_r(theirs, "\n", &their_rest);

	for (; a && b; a = strtok_r(NULL, "\n", &our_rest), b = strtok_r(NULL, "\n", &their_rest)) {
		if (strcmp(a, b) != 0)
			fail_msg("%s: '%s', not '%s'", what, a, b);
	}
	assert_null(a);
	assert_null(b);
}

struct addrs {
	uint64_t items[16384];
	size_t len;
};

/* Every address of a function. */
static void addrs_add(struct addrs *a, const char *program, const char *function)
{
	uint64_t size, start = program_symbol(program, function, &size);

	for (uint64_t i = 0; i < size; i++) {
		assert_true(a->len < ARRAY_SIZE(a->items));
		a->items[a->len++] = start + i;
	}
}

static struct addrs addrs;

/* ---- DWARF ----------------------------------------------------------------------------------- */

static const char *const public_functions[] = {
	"main",
	"_ZN4shop8checkoutERSt6vectorINS_4ItemESaIS1_EE",
	"plain",
};

static void addr2line_text(const char *program, struct buf *out)
{
	struct buf list = { 0 };

	for (size_t i = 0; i < addrs.len; i++)
		buf_printf(&list, "%" PRIx64 "\n", addrs.items[i]);
	program_write("addresses", list.data);
	buf_deinit(&list);
	program_output(out, "addr2line -a -i -f -C -e %s < addresses | sed 's/ (disc.*//'",
		       program);
}

static void test_agrees_with_addr2line(void **state)
{
	(void)state;
	static const char *const flags[] = {
		"-gdwarf-4 -O2",
		"-gdwarf-5 -O2",
		"-g -O0",
		"-g -O3",
		"-g -O1 -no-pie -fno-pie",
		"-g -O2 -ffunction-sections -Wl,--gc-sections",
	};
	source_write();
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct buf ours = { 0 }, theirs = { 0 };
		program_run("g++ %s a.cc -o a", flags[i]);
		addrs.len = 0;
		for (size_t k = 0; k < ARRAY_SIZE(public_functions); k++)
			addrs_add(&addrs, "a", public_functions[k]);
		resolve_text("a", NULL, addrs.items, addrs.len, &ours);
		addr2line_text("a", &theirs);
		expect_equal_lines(ours.data, theirs.data, flags[i]);
		buf_deinit(&ours);
		buf_deinit(&theirs);
	}
}

/* The same code with its DWARF in other places resolves to the same frames. */
static void test_where_dwarf_may_be(void **state)
{
	(void)state;
	static const struct {
		const char *name, *root, *commands;
	} places[] = {
		{ "compressed", NULL, "objcopy --compress-debug-sections=zlib a b" },
		{ "split", NULL, "g++ -gdwarf-5 -O2 -gsplit-dwarf a.cc -o b" },
		{ "without .debug_aranges, as clang", NULL, "objcopy -R .debug_aranges a b" },
		{ "by .gnu_debuglink", NULL,
		  "objcopy --only-keep-debug a b.debug && strip a -o b &&"
		  " objcopy -R .note.gnu.build-id b && objcopy --add-gnu-debuglink=b.debug b" },
		{ "by .gnu_debuglink, in .debug", NULL,
		  "mkdir -p .debug && objcopy --only-keep-debug a .debug/c.debug && strip a -o b &&"
		  " cd .debug && objcopy --add-gnu-debuglink=c.debug ../b" },
		{ "by build ID below a root", program_dir,
		  "id=$(readelf -n a | awk '/Build ID/ { print $3 }') && strip a -o b &&"
		  " dir=usr/lib/debug/.build-id/$(echo $id | cut -c1-2) && mkdir -p $dir &&"
		  " objcopy --only-keep-debug a $dir/$(echo $id | cut -c3-).debug" },
		{ "dwz", NULL, "cp a b && cp a c && dwz -m shared.dwz b c" },
	};
	struct buf expected = { 0 };
	source_write();
	program_run("g++ -gdwarf-5 -O2 a.cc -o a");
	addrs.len = 0;
	for (size_t k = 0; k < ARRAY_SIZE(public_functions); k++)
		addrs_add(&addrs, "a", public_functions[k]);
	resolve_text("a", NULL, addrs.items, addrs.len, &expected);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct buf ours = { 0 };
		program_run("%s", places[i].commands);
		resolve_text("b", places[i].root, addrs.items, addrs.len, &ours);
		char *copy = strdup(expected.data);
		expect_equal_lines(ours.data, copy, places[i].name);
		free(copy);
		buf_deinit(&ours);
	}
	buf_deinit(&expected);
}

/* A FIFO where a part of the DWARF should be is not opened, which would never end; what is left
 * names the function all the same. */
static void test_fifo_for_a_debug_file(void **state)
{
	(void)state;
	static const char *const commands[] = {
		"rm -f b-a.dwo && g++ -gdwarf-5 -O2 -gsplit-dwarf a.cc -o b && rm b-a.dwo &&"
		" mkfifo b-a.dwo",
		"mkdir -p sub && g++ -gdwarf-4 -O2 -gsplit-dwarf a.cc -c -o sub/a.o &&"
		" g++ sub/a.o -o b && rm sub/a.dwo && mkfifo sub/a.dwo",
		"rm -f shared.dwz && cp a b && cp a c && dwz -m shared.dwz b c && rm shared.dwz &&"
		" mkfifo shared.dwz",
	};

	source_write();
	program_run("g++ -gdwarf-5 -O2 a.cc -o a");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct buf text = { 0 };
		program_run("%s", commands[i]);
		uint64_t addr = program_symbol("b", "main", NULL);
		alarm(30);
		resolve_text("b", NULL, &addr, 1, &text);
		alarm(0);
		if (!strstr(text.data, "main"))
			fail_msg("%s: '%s'", commands[i], text.data);
		buf_deinit(&text);
	}
}

static void test_debug_file_of_another_build(void **state)
{
	(void)state;
	static const char *const links[] = { "--build-id", "--build-id=none" };
	program_write("a.c", "int main(void) { return 0; }");
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		struct buf text = { 0 };
		program_run("cc -g -Wl,%s a.c -o a && cc -g -DX=1 -O2 -Wl,%s a.c -o other",
			    links[i], links[i]);
		program_run("objcopy --only-keep-debug a b.debug && strip a -o b &&"
			    " objcopy --add-gnu-debuglink=b.debug b &&"
			    " objcopy --only-keep-debug other b.debug");
		uint64_t addr = program_symbol("a", "_init", NULL);
		resolve_text("b", NULL, &addr, 1, &text);
		assert_null(strstr(text.data, "_init"));
		buf_deinit(&text);
	}
}

/* ---- Names ----------------------------------------------------------------------------------- */

struct expected {
	const char *function; /* as nm names it, or NULL: the last one's */
	unsigned offset;
	const char *name, *system_name;
	enum symbols_source source;
};

static void expect_names(const char *program, const char *named_by, const struct expected *cases,
			 size_t n)
{
	struct program p = program_open(program);
	struct debugfile_place place = { -1, p.path };
	struct symbols_result results[16];
	uint64_t at[16];
	struct symbols *s;

	assert_true(n <= ARRAY_SIZE(at));
	for (size_t i = 0; i < n; i++)
		at[i] = program_symbol(named_by, cases[i].function, NULL) + cases[i].offset;
	assert_int_equal(symbols_create(p.elf, &place, &s, NULL), 0);
	assert_int_equal(symbols_resolve(s, at, n, results, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		char made[64];
		const char *name = cases[i].name, *system_name = cases[i].system_name;
		if (!name) { /* [FILE]+0xSTART */
			snprintf(made, sizeof(made), "[%s]+0x%" PRIx64, program,
				 at[i] - cases[i].offset);
			name = system_name = made;
		}
		assert_int_equal(results[i].len > 0, cases[i].source != SYMBOLS_NONE);
		assert_int_equal(results[i].source, cases[i].source);
		if (!results[i].len)
			continue;
		const struct symbols_frame *f = &results[i].frames[results[i].len - 1];
		assert_string_equal(f->name, name);
		assert_string_equal(f->system_name, system_name);
	}
	symbols_destroy(s);
	program_close(&p);
}

/* GCC's nested functions: code below another function, outside of its addresses. */
static void test_nested_function(void **state)
{
	(void)state;
	static const struct expected cases[] = {
		{ "inner.0", 0, "inner", "inner", SYMBOLS_DWARF },
	};
	program_write("a.c",
		      "int outer(volatile int a)\n"
		      "{\n"
		      "	__attribute__((noinline)) int inner(int b) { a += b; return a; }\n"
		      "	return inner(a) + inner(a + 1);\n"
		      "}\n"
		      "int main(int argc, char **argv) { (void)argv; return outer(argc); }\n");
	program_run("gcc -g -O0 a.c -o a");
	/* Alone: nothing leads the way to it. */
	expect_names("a", "a", cases, ARRAY_SIZE(cases));
}

/* What the linker dropped keeps its DWARF, at address 0 and on, over the code that is there. */
static void test_dropped_function(void **state)
{
	(void)state;
	static const struct expected cases[] = {
		{ "live", 0, "live", "live", SYMBOLS_DWARF },
		{ "_start", 0, "_start", "_start", SYMBOLS_SYMTAB },
	};
	program_write("a.c", "__attribute__((noinline)) void live(void) { asm(\"\"); }\n"
			     "void dropped(void) { asm(\".skip 0x8000\"); }\n"
			     "int main(void) { live(); return 0; }\n");
	program_run("gcc -g -O1 -ffunction-sections -Wl,--gc-sections a.c -o a");
	expect_names("a", "a", cases, ARRAY_SIZE(cases));
}

#define RUN "_ZN12_GLOBAL__N_16Hidden3runEi"

static void test_names_with_dwarf(void **state)
{
	(void)state;
	static const struct expected cases[] = {
		{ "_Z4hidei", 0, "hide(int)", "_Z4hidei", SYMBOLS_DWARF },
		{ "plain", 0, "plain", "plain", SYMBOLS_DWARF },
		/* GCC tells no linkage name, and the symbol is a clone's. */
		{ RUN ".*", 0, "(anonymous namespace)::Hidden::run(int)", RUN, SYMBOLS_DWARF },
		{ "_start", 0, "_start", "_start", SYMBOLS_SYMTAB },
		{ "_start", 0x1000000, "", "", SYMBOLS_NONE },
	};
	source_write();
	program_run("g++ -g -O2 a.cc -o a");
	expect_names("a", "a", cases, ARRAY_SIZE(cases));
}

/* The frames of an inlined call, whose function has no linkage name, and of its caller. */
static void test_inlined_private_function(void **state)
{
	(void)state;
	static const struct {
		const char *compiler, *frames[2];
	} cases[] = {
		{ "g++",
		  { "\n(anonymous namespace)::Hidden::twice\n",
		    "\nhide(int)::(anonymous class)::operator()\n" } },
		{ "clang++",
		  { "\n(anonymous namespace)::Hidden::twice(int)\n",
		    "\nhide(int)::$_0::operator()(int) const\n" } },
	};
	source_write();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf text = { 0 };
		program_run("%s -g -O2 a.cc -o a", cases[i].compiler);
		addrs.len = 0;
		addrs_add(&addrs, "a", "_Z4hidei");
		resolve_text("a", NULL, addrs.items, addrs.len, &text);
		for (size_t k = 0; k < ARRAY_SIZE(cases[i].frames); k++) {
			const char *inner = strstr(text.data, cases[i].frames[k]);
			if (!inner)
				fail_msg("no %s in %s", cases[i].frames[k], text.data);
			/* Its line, its caller, and the line of the call. */
			const char *outer = strstr(inner, "\nhide(int)\n");
			assert_non_null(outer);
			assert_memory_equal(strchr(outer, ':'), ":38\n", 4);
		}
		buf_deinit(&text);
	}
}

static const char c_source[] = "__attribute__((noinline)) static int inner(volatile int a)\n"
			       "{ return a * 3; }\n"
			       "__attribute__((noinline)) int outer(int a)\n"
			       "{ return inner(a) + inner(a + 1); }\n"
			       "int main(int argc, char **argv)\n"
			       "{ (void)argv; return outer(argc); }\n";

static void test_names_of_stripped_program(void **state)
{
	(void)state;
	static const struct expected cases[] = {
		{ "_start", 1, "_start", "_start", SYMBOLS_FDE },
		{ "main", 0, "main", "main", SYMBOLS_FDE },
		{ "outer", 0, NULL, NULL, SYMBOLS_FDE },
		{ "outer", 5, NULL, NULL, SYMBOLS_FDE },
		{ "inner", 3, NULL, NULL, SYMBOLS_FDE },
	};
	program_write("a.c", c_source);
	program_run("cc -O2 a.c -o a && strip a -o stripped");
	expect_names("stripped", "a", cases, ARRAY_SIZE(cases));
}

/* An exported function must not swallow the static one behind it. */
static void test_names_of_stripped_library(void **state)
{
	(void)state;
	static const struct expected cases[] = {
		{ "_Z5outeri", 0, "outer(int)", "_Z5outeri", SYMBOLS_DYNSYM },
		{ "_Z5outeri", 4, "outer(int)", "_Z5outeri", SYMBOLS_DYNSYM },
		{ "_ZL5inneri", 0, NULL, NULL, SYMBOLS_FDE },
		{ "unsized", 2, "unsized", "unsized", SYMBOLS_DYNSYM },
	};
	program_write("lib.cc",
		      "__attribute__((noinline)) static int inner(int a);\n"
		      "int outer(int a) { return inner(a) + inner(a + 1); }\n"
		      "static int inner(int a) { volatile int b = a; return b; }\n"
		      "asm(\".globl unsized\\nunsized: .cfi_startproc; nop; nop; nop; ret\\n"
		      ".cfi_endproc\");\n");
	program_run("g++ -O1 -fPIC -shared -fno-toplevel-reorder lib.cc -o lib.so &&"
		    " strip lib.so -o b.so");
	expect_names("b.so", "lib.so", cases, ARRAY_SIZE(cases));
}

/* Some address of the vDSO is in its best known function. */
static void test_vdso(void **state)
{
	(void)state;
	const Elf64_Ehdr *image = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
	struct debugfile_place place = { -1, "[vdso]" };
	struct elf_file *f;
	struct symbols *s;
	bool found = false;

	assert_non_null(image);
	size_t size = image->e_shoff + image->e_shnum * sizeof(Elf64_Shdr);
	assert_int_equal(elf_file_open_memory(image, size, "[vdso]", &f, NULL), 0);
	assert_int_equal(symbols_create(f, &place, &s, NULL), 0);
	for (uint64_t at = 0; at < size && !found; at++) {
		struct symbols_result result;
		assert_int_equal(symbols_resolve(s, &at, 1, &result, NULL), 0);
		found = result.len && strcmp(result.frames[0].name, "clock_gettime") == 0;
	}
	assert_true(found);
	symbols_destroy(s);
	elf_file_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_with_addr2line),
		cmocka_unit_test(test_where_dwarf_may_be),
		cmocka_unit_test(test_fifo_for_a_debug_file),
		cmocka_unit_test(test_debug_file_of_another_build),
		cmocka_unit_test(test_names_with_dwarf),
		cmocka_unit_test(test_inlined_private_function),
		cmocka_unit_test(test_nested_function),
		cmocka_unit_test(test_dropped_function),
		cmocka_unit_test(test_names_of_stripped_program),
		cmocka_unit_test(test_names_of_stripped_library),
		cmocka_unit_test(test_vdso),
	};
	return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
