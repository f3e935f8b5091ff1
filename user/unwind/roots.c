// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/roots.h"

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

int roots_add(struct cfi_table *t, struct elf_file *f)
{
	struct cfi_fde entry = { .start = f->entry,
				 .end = f->entry + ENTRY_SIZE_MAX,
				 .cie = ROOT_CIE };

	if (f->entry == 0 || !in_code(f, f->entry) || cfi_table_find(t, f->entry))
		return 0;
	if (vec_push(&t->fdes, entry) < 0)
		return -ENOMEM;
	return cfi_table_sort(t);
}
