// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The allocators of this machine, of whatever version: what must hold of every probe in them,
 * checked with binutils' disassembly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/insn.h"
#include "probe_assembly.h"

#define LIBRARIES   "/usr/lib/x86_64-linux-gnu/"
#define ENDBR64_LEN 4

static const struct {
	enum allocator allocator;
	const char *path;  /* NULL: made by */
	const char *build; /* this command, as "file" */
} files[] = {
	{ ALLOCATOR_GLIBC, LIBRARIES "libc.so.6", NULL },
	{ ALLOCATOR_JEMALLOC, LIBRARIES "libjemalloc.so.2", NULL },
	{ ALLOCATOR_TCMALLOC, LIBRARIES "libtcmalloc_minimal.so.4", NULL },
	{ ALLOCATOR_MIMALLOC, LIBRARIES "libmimalloc.so.2.0", NULL },
	{ ALLOCATOR_MUSL, "/usr/lib/x86_64-linux-musl/libc.so", NULL },
	{ ALLOCATOR_GLIBC, NULL, "gcc -O2 -static uses.c -o file" },
	{ ALLOCATOR_MUSL, NULL, "musl-gcc -O2 -static uses.c -o file" },
};

static const char uses[] =
	"#include <stdlib.h>\n"
	"int main(int n, char **v) { void *a = malloc(n), *b = calloc(n, 2), *c;\n"
	"a = realloc(a, 5 * n); if (posix_memalign(&c, 64, n)) return 1;\n"
	"int r = a < b && v[0] != c; free(a); free(b); free(c); return r; }\n";

/* One instruction of binutils' disassembly. */
static void check_instruction(const struct alloc_probes *probes, size_t *places, uint64_t at,
			      bool branches, uint64_t target)
{
	vec_for_each(p, &probes->items) {
		*places += p->place == at;
		if (branches && target > p->entry && target <= p->place &&
		    target != p->entry + ENDBR64_LEN)
			fail_msg("the branch at %#" PRIx64 " misses %s, probed at %#" PRIx64, at,
				 p->name, p->place);
	}
}

/*
 * Each place is where binutils, too, has an instruction begin, and none of its direct branches
 * lands behind the entry and up to the place, unless to skip endbr64. Lines are
 * "  ADDRESS:\tMNEMONIC  OPERANDS".
 */
static void check_disassembly(const struct alloc_probes *probes, char *text)
{
	size_t places = 0, branches = 0;

	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		char *tab, *end;
		uint64_t at = strtoull(line, &tab, 16);
		if (tab == line || strncmp(tab, ":\t", 2) != 0)
			continue;
		const char *name = tab + 2, *operands = name + strcspn(name, " ");
		bool jumps = name[0] == 'j' || strncmp(name, "call", 4) == 0 ||
			     strncmp(name, "loop", 4) == 0;
		uint64_t target = strtoull(operands, &end, 16);
		bool direct = jumps && end != operands && (*end == ' ' || *end == '\0');

		branches += direct;
		check_instruction(probes, &places, at, direct, target);
	}
	assert_int_equal(places, probes->items.len);
	assert_true(branches > 100);
}

static void check_probe(const struct program *file, const struct alloc_probe *p,
			enum allocator allocator)
{
	uint8_t in_file[16], in_memory[16];

	assert_int_equal(p->allocator, allocator);
	assert_true(p->place >= p->entry && p->place < p->end);
	assert_true(p->emulated || p->place == p->entry);
	assert_int_equal(elf_file_read(file->elf, p->place, in_memory, sizeof(in_memory)), 0);
	assert_int_equal(pread(file->fd, in_file, sizeof(in_file), (off_t)p->offset),
			 sizeof(in_file));
	assert_memory_equal(in_file, in_memory, sizeof(in_file));
	assert_int_equal(probe_insn_emulated(in_file, sizeof(in_file)), p->emulated);
	assert_false(probe_insn_refused(in_file, sizeof(in_file)));
	assert_int_equal(!p->no_return, p->returns);
	assert_true(p->call != ALLOC_FREE || (!p->returns && !p->passes_on && !p->nests));
}

/* Malloc and its kind are all there, probed or left to one that is, and malloc's return is seen. */
static void check_functions(const struct alloc_probes *probes)
{
	static const char *const names[] = { "malloc", "calloc", "realloc", "free",
					     "posix_memalign" };
	bool returns = false;

	vec_for_each(p, &probes->items)
		returns |= p->returns && strstr(p->name, "malloc") != NULL;
	assert_true(returns);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct alloc_skip *skip = find_skip(probes, names[i]);
		if (!find_probe(probes, names[i]) && !skip)
			fail_msg("%s is not found", names[i]);
		if (skip)
			assert_string_equal(skip->why, "leaves the work to another that is probed");
	}
}

static void test_every_allocator(void **state)
{
	(void)state;
	struct buf disassembly = { 0 };

	program_write("uses.c", uses);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[128] = "file";
		struct alloc_probes probes = { 0 };
		struct err e = { 0 };

		if (files[i].path)
			snprintf(path, sizeof(path), "%s", files[i].path);
		else
			program_run("%s", files[i].build);
		print_message("%s: %s\n", allocator_name(files[i].allocator), path);
		program_run("ln -sf %s look", path);
		struct program p = program_open("look");
		assert_true(alloc_probes_any(p.elf));
		if (alloc_probes_find(p.elf, ALLOCATORS_ALL, &probes, &e) < 0)
			fail_msg("%s", e.msg);
		vec_for_each(probe, &probes.items)
			check_probe(&p, probe, files[i].allocator);
		check_functions(&probes);
		program_output(&disassembly, "objdump -d --no-show-raw-insn %s", path);
		buf_add(&disassembly, "", 1);
		check_disassembly(&probes, disassembly.data);
		alloc_probes_deinit(&probes);
		program_close(&p);
	}
	buf_deinit(&disassembly);
}

/* Files that call malloc, but have none. */
static void test_other_files(void **state)
{
	(void)state;
	static const char *const paths[] = { LIBRARIES "libstdc++.so.6", LIBRARIES "libm.so.6",
					     "/lib64/ld-linux-x86-64.so.2", "/proc/self/exe" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		struct alloc_probes probes = { 0 };
		struct elf_file *f;

		print_message("%s\n", paths[i]);
		assert_true(fd >= 0);
		assert_int_equal(elf_file_open_fd(fd, paths[i], &f, NULL), 0);
		assert_false(alloc_probes_any(f));
		assert_int_equal(alloc_probes_find(f, ALLOCATORS_ALL, &probes, NULL), -ENOENT);
		alloc_probes_deinit(&probes);
		elf_file_close(f);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_allocator),
		cmocka_unit_test(test_other_files),
	};
	return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
