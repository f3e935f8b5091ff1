// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Whose allocator is in a file, and files that have none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe_assembly.h"

#define RETURN(name) FUNCTION(name, "ret")

#define OWN(name)    FUNCTION(name, "push %rbx\n" WORK "pop %rbx\nret")
#define START        ".globl _start\n_start: hlt\n"
#define OBJECT(nam)  ".globl " nam "\n.type " nam ",@object\n.set " nam ",state\n"

static const struct {
	const char *name;
	const char *source;
	struct {
		const char *name;
		enum allocator allocator;
	} functions[4];
} owners[] = {
	{ "nobody that is known", MALLOC FREE, { { "malloc", ALLOCATOR_CUSTOM } } },
	{ "glibc", MALLOC FREE RETURN("gnu_get_libc_version"), { { "malloc", ALLOCATOR_GLIBC } } },
	{ "a static program's glibc",
	  MALLOC FREE RETURN("_int_malloc") RETURN("__libc_start_main"),
	  { { "free", ALLOCATOR_GLIBC } } },
	{ "musl", MALLOC FREE RETURN("__libc_start_main"), { { "malloc", ALLOCATOR_MUSL } } },
	{ "jemalloc", MALLOC FREE OWN("mallocx"), { { "malloc", ALLOCATOR_JEMALLOC } } },
	{ "jemalloc and musl in one program",
	  MALLOC FREE RETURN("__libc_start_main") OWN("_rjem_mallocx") OWN("_rjem_malloc")
		  OWN("_rjem_free"),
	  { { "malloc", ALLOCATOR_MUSL },
	    { "_rjem_malloc", ALLOCATOR_JEMALLOC },
	    { "_rjem_mallocx", ALLOCATOR_JEMALLOC } } },
	{ "mimalloc and glibc in one program",
	  MALLOC FREE RETURN("gnu_get_libc_version") OWN("mi_malloc") OWN("mi_free"),
	  { { "malloc", ALLOCATOR_GLIBC }, { "mi_malloc", ALLOCATOR_MIMALLOC } } },
	{ "mimalloc in malloc's place",
	  OWN("mi_malloc") OWN("mi_free") ALIAS("malloc", "mi_malloc") ALIAS("free", "mi_free"),
	  { { "malloc", ALLOCATOR_MIMALLOC }, { "free", ALLOCATOR_MIMALLOC } } },
	{ "mimalloc alone, with operators",
	  OWN("mi_malloc") OWN("mi_free") OWN("_Znwm"),
	  { { "mi_malloc", ALLOCATOR_MIMALLOC }, { "_Znwm", ALLOCATOR_MIMALLOC } } },
	{ "gperftools",
	  OWN("tc_malloc") OWN("tc_free") ALIAS("malloc", "tc_malloc") ALIAS("free", "tc_free"),
	  { { "malloc", ALLOCATOR_TCMALLOC } } },
	{ "Google's tcmalloc",
	  MALLOC FREE ALIAS("TCMallocInternalMalloc", "malloc"),
	  { { "malloc", ALLOCATOR_TCMALLOC } } },
	{ "malloc that calls mimalloc",
	  OWN("mi_malloc") OWN("mi_free") FUNCTION("malloc", "jmp mi_malloc")
		  FUNCTION("free", "jmp mi_free"),
	  { { "mi_malloc", ALLOCATOR_MIMALLOC }, { "mi_free", ALLOCATOR_MIMALLOC } } },
	{ "symbols that are not exported",
	  "malloc:\n.type malloc,@function\npush %rbx\n" WORK "pop %rbx\nret\n"
	  "free:\n.type free,@function\npush %rbx\n" WORK "pop %rbx\nret\n",
	  { { "malloc", ALLOCATOR_CUSTOM } } },
};

static void test_owners(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		struct alloc_probes probes = { 0 };

		assemble("owner.so", owners[i].source, "-shared");
		struct program p = program_open("owner.so");
		assert_true(alloc_probes_any(p.elf));
		assert_int_equal(alloc_probes_find(p.elf, ALLOCATORS_ALL, &probes, NULL), 0);
		for (size_t j = 0; j < 4 && owners[i].functions[j].name; j++) {
			const char *name = owners[i].functions[j].name;
			const struct alloc_probe *probe = find_probe(&probes, name);
			if (!probe || probe->allocator != owners[i].functions[j].allocator)
				fail_msg("%s: %s of %s", owners[i].name, name,
					 probe ? allocator_name(probe->allocator) : "nobody");
		}
		alloc_probes_deinit(&probes);
		program_close(&p);
	}
}

static const struct {
	const char *name;
	const char *source, *flags;
	const char *message; /* what is said beside the file's name */
} nones[] = {
	{ "no allocation function", RETURN("strdup"), "-shared", "has no allocator" },
	{ "malloc without free", MALLOC, "-shared", "has no allocator" },
	{ "free without malloc", FREE OWN("calloc"), "-shared", "has no allocator" },
	{ "malloc and free of two families", MALLOC OWN("mi_free"), "-shared", "has no allocator" },
	{ "operators alone, as libstdc++ has them",
	  FUNCTION("_Znwm", "jmp malloc@plt") FUNCTION("_ZdlPv", "jmp free@plt"), "-shared",
	  "has no allocator" },
	{ "imported functions", FUNCTION("f", "call malloc@plt\ncall free@plt"), "-shared",
	  "has no allocator" },
	{ "variables of these names", OBJECT("malloc") OBJECT("free"), "-shared",
	  "has no allocator" },
	{ "the dynamic loader", MALLOC FREE OBJECT("_rtld_global"), "-shared", "has no allocator" },
	{ "symbols outside of the code",
	  ".globl malloc,free\n.type malloc,@function\n.type free,@function\n"
	  ".set malloc,0x123456789\n.set free,0x123456789\n",
	  "-shared", "has no allocator" },
	{ "a static program without symbols", START MALLOC FREE, "-static -s",
	  "is a static program without symbols: its allocator cannot be found" },
	{ "a static position-independent program without symbols", START MALLOC FREE,
	  "-static-pie -s", "is a static program without symbols: its allocator cannot be found" },
	{ "a dynamic program without symbols", START FUNCTION("f", "call malloc@plt"), "-pie -s",
	  "has no allocator" },
	{ "nothing but what is chosen at load time",
	  ".globl malloc,free\n.type malloc,@gnu_indirect_function\n"
	  ".type free,@gnu_indirect_function\n"
	  "malloc: mov state(%rip),%rax\nret\nfree: mov state(%rip),%rax\nret\n",
	  "-shared", "has an allocator, but nothing in it can be probed" },
};

static void test_files_without_an_allocator(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(nones) / sizeof(nones[0]); i++) {
		struct alloc_probes probes = { 0 };
		struct err e = { 0 };

		print_message("%s\n", nones[i].name);
		assemble("none", nones[i].source, nones[i].flags);
		struct program p = program_open("none");
		assert_int_equal(alloc_probes_find(p.elf, ALLOCATORS_ALL, &probes, &e), -ENOENT);
		assert_non_null(strstr(e.msg, nones[i].message));
		assert_non_null(strstr(e.msg, p.path));
		assert_int_equal(probes.items.len, 0);
		assert_int_equal(alloc_probes_any(p.elf), strstr(e.msg, "has an") != NULL);
		alloc_probes_deinit(&probes);
		program_close(&p);
	}
}

/* Addresses of a program that is loaded where it was linked differ from offsets in its file. */
static void test_offsets_of_a_static_program(void **state)
{
	(void)state;
	struct alloc_probes probes = { 0 };
	uint8_t there[8];

	assemble("static", START MALLOC FREE RETURN("_int_malloc"), "-static -no-pie");
	struct program p = program_open("static");
	assert_int_equal(alloc_probes_find(p.elf, ALLOCATORS_ALL, &probes, NULL), 0);
	assert_int_equal(probes.items.len, 2);
	vec_for_each(probe, &probes.items) {
		uint64_t size;
		assert_int_equal(program_symbol("static", probe->name, &size), probe->entry);
		assert_int_equal(probe->end - probe->entry, size);
		assert_int_not_equal(probe->offset, probe->place);
		assert_int_equal(pread(p.fd, there, 1, (off_t)probe->offset), 1);
		assert_int_equal(there[0], 0x53); /* push %rbx */
	}
	assert_true(probes.items.items[0].entry < probes.items.items[1].entry);
	alloc_probes_deinit(&probes);
	program_close(&p);
}

static void test_selection(void **state)
{
	(void)state;
	static const struct {
		const char *list;
		const char *found; /* NULL: nothing */
	} choices[] = {
		{ "musl", "malloc" },
		{ "jemalloc", "_rjem_malloc" },
		{ "glibc,jemalloc", "_rjem_malloc" },
		{ "glibc,custom,tcmalloc,mimalloc", NULL },
	};

	assemble("two.so",
		 MALLOC FREE RETURN("__libc_start_main") OWN("_rjem_mallocx") OWN("_rjem_malloc")
			 OWN("_rjem_free"),
		 "-shared");
	struct program p = program_open("two.so");
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		struct alloc_probes probes = { 0 };
		struct err e = { 0 };
		unsigned set = 0;

		assert_int_equal(allocators_parse(choices[i].list, &set, &e), 0);
		int rc = alloc_probes_find(p.elf, set, &probes, &e);
		if (choices[i].found) {
			assert_int_equal(rc, 0);
			assert_non_null(find_probe(&probes, choices[i].found));
			assert_int_equal(probes.items.len, choices[i].found[0] == 'm' ? 2 : 3);
		} else {
			assert_int_equal(rc, -ENOENT);
			assert_non_null(strstr(e.msg, "has none of the allocators asked for"));
		}
		const unsigned all = 1u << ALLOCATOR_MUSL | 1u << ALLOCATOR_JEMALLOC;
		assert_int_equal(probes.others, all & ~set);
		alloc_probes_deinit(&probes);
	}
	program_close(&p);
}

static void test_names_of_a_set(void **state)
{
	(void)state;
	char text[16];

	allocators_format(0, text, sizeof(text));
	assert_string_equal(text, "");
	allocators_format(1u << ALLOCATOR_MUSL | 1u << ALLOCATOR_GLIBC, text, sizeof(text));
	assert_string_equal(text, "glibc, musl");
	allocators_format(ALLOCATORS_ALL, text, sizeof(text));
	assert_string_equal(text, "glibc, musl, je");
}

static void test_lists(void **state)
{
	(void)state;
	static const struct {
		const char *list;
		unsigned set; /* 0: refused, and `wrong` named */
		const char *wrong;
	} lists[] = {
		{ "glibc", 1u << ALLOCATOR_GLIBC, NULL },
		{ "custom,musl", 1u << ALLOCATOR_CUSTOM | 1u << ALLOCATOR_MUSL, NULL },
		{ "glibc,musl,jemalloc,tcmalloc,mimalloc,custom", ALLOCATORS_ALL, NULL },
		{ "", 0, "''" },
		{ "glibc,", 0, "''" },
		{ "jemallo", 0, "'jemallo'" },
		{ "glibc,jemallocs,musl", 0, "'jemallocs'" },
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		unsigned set = 0;
		struct err e = { 0 };
		int rc = allocators_parse(lists[i].list, &set, &e);

		assert_int_equal(rc, lists[i].set ? 0 : -EINVAL);
		assert_int_equal(set, lists[i].set);
		if (lists[i].wrong)
			assert_non_null(strstr(e.msg, lists[i].wrong));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_files_without_an_allocator),
		cmocka_unit_test(test_offsets_of_a_static_program),
		cmocka_unit_test(test_selection),
		cmocka_unit_test(test_names_of_a_set),
		cmocka_unit_test(test_lists),
	};
	return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
