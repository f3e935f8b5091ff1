// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/quirks.h"

#include <dwarf.h>
#include <string.h>

#include "unwind/stack_insn.h"

/* _start, whose size nobody tells, ends within so many bytes: musl's has 22, glibc's loader's 61.
 */
#define ENTRY_SIZE_MAX 64

/* From the system call to the return: ten bytes. */
#define CLONE_GAP_MAX 16

/* glibc's __start_context, with and without an `endbr64`. */
#define CONTEXT_SIZE         26
#define CONTEXT_SIZE_ENDBR64 30

static bool in_code(const struct elf_file *f, uint64_t vaddr)
{
	for (size_t i = 0; i < f->segments.len; i++) {
		const struct elf_segment *s = &f->segments.items[i];
		if (s->executable && vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz)
			return true;
	}
	return false;
}

/* `mov %rbx,%rsp; mov (%rsp),%rdi; test %rdi,%rdi; je`, perhaps behind an `endbr64`. */
static bool is_start_context(struct elf_file *f, uint64_t vaddr)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	static const uint8_t body[] = { 0x48, 0x89, 0xdc, 0x48, 0x8b, 0x3c,
					0x24, 0x48, 0x85, 0xff, 0x74 };
	uint8_t code[sizeof(endbr64) + sizeof(body)];
	const uint8_t *at = code;

	if (elf_file_read(f, vaddr, code, sizeof(code)) < 0)
		return false;
	if (memcmp(code, endbr64, sizeof(endbr64)) == 0)
		at += sizeof(endbr64);
	return memcmp(at, body, sizeof(body)) == 0;
}

/*
 * Its CFI is that of any function, though nothing calls it: it is returned to, and look-ups are at
 * the byte before it. Of the functions of that size, those that move the stack pointer need not be
 * looked at.
 */
static void start_context_mark(struct cfi_table *t, struct elf_file *f)
{
	vec_for_each(fde, &t->fdes) {
		uint64_t size = fde->end - fde->start;

		if ((size != CONTEXT_SIZE && size != CONTEXT_SIZE_ENDBR64) ||
		    fde->cie >= CFI_CIE_FIRST ||
		    (fde->program_len > 0 && t->section.data[fde->program] != DW_CFA_nop) ||
		    !is_start_context(f, fde->start))
			continue;
		fde->cie = CFI_CIE_ROOT;
		fde->start--;
		return;
	}
}

/*
 * A gap that begins with `syscall; test %rax,%rax` and ends before the code of the child. Nearly
 * all other gaps are padding up to a multiple of 16, and need not be looked at.
 */
static bool is_clone_gap(struct elf_file *f, uint64_t start, uint64_t end)
{
	static const uint8_t begin[] = { 0x0f, 0x05, 0x48, 0x85, 0xc0 };
	uint8_t code[sizeof(begin)];

	return end - start >= sizeof(begin) && end - start <= CLONE_GAP_MAX && end % 16 != 0 &&
	       elf_file_read(f, start, code, sizeof(code)) == 0 &&
	       memcmp(code, begin, sizeof(begin)) == 0;
}

static int clone_gaps_add(struct cfi_table *t, struct elf_file *f)
{
	size_t n = t->fdes.len;

	for (size_t i = 0; i + 1 < n; i++) {
		uint64_t start = t->fdes.items[i].end, end = t->fdes.items[i + 1].start;
		struct cfi_fde gap = { start, end, CFI_CIE_CLONE, 0, 0 };

		if (start < end && is_clone_gap(f, start, end) && vec_push(&t->fdes, gap) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The size of _start, at most: what it calls begins behind it (musl's _start_c does at once). */
static uint64_t entry_size(struct elf_file *f)
{
	uint8_t code[ENTRY_SIZE_MAX];
	struct stack_insn in;

	if (elf_file_read(f, f->entry, code, sizeof(code)) < 0)
		return ENTRY_SIZE_MAX;
	for (size_t at = 0; stack_insn_decode(code + at, sizeof(code) - at, &in);) {
		at += in.len;
		if (in.next == NEXT_CALL && in.direct && in.target >= 0 &&
		    at + (uint32_t)in.target < ENTRY_SIZE_MAX)
			return at + (uint32_t)in.target;
	}
	return ENTRY_SIZE_MAX;
}

int quirks_add(struct cfi_table *t, struct elf_file *f)
{
	bool root = f->entry != 0 && in_code(f, f->entry) && !cfi_table_find(t, f->entry);
	uint64_t end = f->entry + (root ? entry_size(f) : 0);
	struct cfi_fde entry = { f->entry, end, CFI_CIE_ROOT, 0, 0 };

	start_context_mark(t, f);
	if (clone_gaps_add(t, f) < 0 || (root && vec_push(&t->fdes, entry) < 0))
		return -ENOMEM;
	return cfi_table_sort(t);
}
