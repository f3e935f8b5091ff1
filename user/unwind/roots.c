// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/roots.h"

#include <string.h>

#include "base/cleanup.h"
#include "unwind/go_functions.h"

/* _start, which nobody declares the size of, ends within so many bytes: musl's has 22, glibc's
 * loader's 61. */
#define ENTRY_SIZE_MAX 64

static bool in_code(const struct elf_file *f, uint64_t vaddr)
{
	for (size_t i = 0; i < f->segments.len; i++) {
		const struct elf_segment *s = &f->segments.items[i];
		if (s->executable && vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz)
			return true;
	}
	return false;
}

static int root_add(struct cfi_table *t, const struct elf_file *f, uint64_t start, uint64_t end)
{
	struct cfi_fde root = { .start = start, .end = end, .cie = ROOT_CIE };

	if (!in_code(f, start) || cfi_table_find(t, start))
		return 0;
	if (vec_push(&t->fdes, root) < 0)
		return -ENOMEM;
	return cfi_table_sort(t);
}

/* goexit begins with a nop, that its return address is behind, and a call: a check of the
 * addresses. */
static bool is_goexit(struct elf_file *f, uint64_t vaddr)
{
	uint8_t code[2];

	return elf_file_read(f, vaddr, code, sizeof(code)) == 0 && code[0] == 0x90 &&
	       code[1] == 0xe8;
}

static int go_roots_add(struct cfi_table *t, struct elf_file *f)
{
	static const char *const names[] = { "runtime.goexit", "runtime.mstart", "runtime.rt0_go" };
	struct go_function roots[ARRAY_SIZE(names)] = { 0 }, entry = { 0 }, function;
	struct go_functions g;
	int rc = 0;

	if (!go_functions_init(&g, f))
		return 0;
	for (uint32_t i = 0; i < g.len && go_functions_get(&g, i, &function); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			if (strcmp(function.name, names[k]) == 0)
				roots[k] = function;
		if (f->entry >= function.start && f->entry < function.end)
			entry = function;
	}
	if (!is_goexit(f, roots[0].start))
		return 0;
	if (entry.name)
		rc = root_add(t, f, entry.start, entry.end);
	for (size_t k = 0; rc == 0 && k < ARRAY_SIZE(names); k++)
		if (roots[k].name)
			rc = root_add(t, f, roots[k].start, roots[k].end);
	return rc;
}

int roots_add(struct cfi_table *t, struct elf_file *f)
{
	int rc = go_roots_add(t, f);

	if (rc < 0 || f->entry == 0)
		return rc;
	/* Up to the next FDE, if that comes first. */
	return root_add(t, f, f->entry, f->entry + ENTRY_SIZE_MAX);
}
