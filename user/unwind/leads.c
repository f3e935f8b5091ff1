// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/leads.h"

#include <elf.h>
#include <string.h>

#include "base/cleanup.h"

/* _start is not longer. */
#define START_BYTES 64

/* Pointers to functions are words of data. */
#define READ_WORDS 8192

static bool is_code(const struct code_image *code, uint64_t vaddr)
{
	return vaddr - code->start < code->len;
}

static bool decode(const struct code_image *code, uint64_t vaddr, struct stack_insn *in)
{
	uint64_t at = vaddr - code->start;

	return at < code->len && stack_insn_decode(code->bytes + at, code->len - at, in);
}

bool insn_address(const struct code_image *code, uint64_t vaddr, const struct stack_insn *in,
		  uint64_t *to)
{
	uint64_t end = vaddr - code->start + in->len;
	uint32_t constant;

	if (in->addresses) {
		*to = vaddr + in->len + (uint64_t)(int64_t)in->target;
		return true;
	}
	if (!code->absolute || in->direct || in->len < 1 + sizeof(constant))
		return false;
	memcpy(&constant, code->bytes + end - sizeof(constant), sizeof(constant));
	*to = constant;
	return true;
}

bool lead_address(const struct code_image *code, uint64_t vaddr, const struct stack_insn *in,
		  uint64_t *to)
{
	return insn_address(code, vaddr, in, to) && is_code(code, *to);
}

uint8_t padding_bytes(const struct code_image *code, uint64_t vaddr)
{
	uint64_t at = vaddr - code->start;
	struct stack_insn in;

	if (!decode(code, vaddr, &in))
		return 0;
	const uint8_t *bytes = code->bytes + at, *end = bytes + in.len;
	/* Prefixes for its length, and cs:. */
	while (bytes < end - 1 && (*bytes == 0x66 || *bytes == 0x2e))
		bytes++;
	bool nop = *bytes == 0x90 || (*bytes == 0x0f && bytes + 1 < end && bytes[1] == 0x1f);
	return nop ? in.len : 0;
}

bool saves_register(const struct code_image *code, uint64_t vaddr)
{
	uint64_t at = vaddr - code->start;
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

	if (at < code->len && code->len - at > sizeof(endbr64) &&
	    memcmp(code->bytes + at, endbr64, sizeof(endbr64)) == 0)
		at += sizeof(endbr64);
	if (at >= code->len || code->len - at < 2)
		return false;
	uint8_t op = code->bytes[at], next = code->bytes[at + 1];
	/* rbx, rbp; r12 to r15 */
	return op == 0x53 || op == 0x55 || (op == 0x41 && next >= 0x54 && next <= 0x57);
}

static bool is_in_code(const struct elf_file *f, uint64_t vaddr)
{
	vec_for_each(s, &f->segments)
		if (s->executable && vaddr - s->vaddr < s->filesz)
			return true;
	return false;
}

bool leads_needed(struct elf_file *f, const struct cfi_table *t)
{
	uint8_t bytes[START_BYTES];
	struct code_image code = { f->entry, bytes, sizeof(bytes), f->type == ET_EXEC };
	const struct cfi_fde *fde = cfi_table_find(t, f->entry);
	uint64_t to, end = fde ? fde->end : f->entry + START_BYTES;
	struct stack_insn in;

	if (f->entry == 0 || elf_file_read(f, f->entry, bytes, sizeof(bytes)) < 0)
		return false;
	for (uint64_t at = f->entry; at < end && decode(&code, at, &in); at += in.len) {
		bool leads = in.direct || insn_address(&code, at, &in, &to);
		if (in.direct)
			to = at + in.len + (uint64_t)(int64_t)in.target;
		if (leads && is_in_code(f, to) && !cfi_table_find(t, to))
			return true;
	}
	return false;
}

int leads_symbols(struct elf_file *f, int (*each)(void *ctx, const char *name, uint64_t at),
		  void *ctx)
{
	static const char *const tables[][2] = { { ".dynsym", ".dynstr" },
						 { ".symtab", ".strtab" } };
	int rc = 0;

	for (size_t t = 0; t < ARRAY_SIZE(tables) && rc == 0; t++) {
		struct elf_range symbols, names;
		Elf64_Sym symbol;

		if (elf_file_section(f, tables[t][0], &symbols, NULL) < 0 ||
		    elf_file_section(f, tables[t][1], &names, NULL) < 0)
			continue;
		struct cursor c = cursor_init(symbols.data, symbols.size);
		while (rc == 0 && cursor_read(&c, &symbol, sizeof(symbol))) {
			struct cursor at = cursor_init(names.data, names.size);
			const char *name;
			if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_value &&
			    cursor_skip(&at, symbol.st_name) && cursor_cstr(&at, &name))
				rc = each(ctx, name, symbol.st_value);
		}
	}
	return rc;
}

/* What the instructions of one FDE lead to, up to `end`. */
static int fde_leads(const struct cfi_table *t, const struct cfi_fde *fde, uint64_t end,
		     const struct code_image *code, lead_each_fn *each, void *ctx)
{
	struct stack_insn in;
	uint64_t to;
	int rc = 0;

	for (uint64_t at = fde->start; at < end && rc == 0 && decode(code, at, &in); at += in.len) {
		uint64_t target = at + in.len + (uint64_t)(int64_t)in.target;
		if (lead_address(code, at, &in, &to) && !cfi_table_find(t, to))
			rc = each(ctx, LEAD_CODE, to);
		if (rc == 0 && in.direct && is_code(code, target) && !cfi_table_find(t, target))
			rc = each(ctx, in.next == NEXT_CALL ? LEAD_CALL : LEAD_CODE, target);
	}
	return rc;
}

static int segment_leads(struct elf_file *f, const struct elf_segment *s, const struct cfi_table *t,
			 const struct code_image *code, lead_each_fn *each, void *ctx)
{
	_cleanup_free_ uint64_t *words = malloc(READ_WORDS * sizeof(*words));
	uint64_t at = (s->vaddr + 7) & ~7ULL, end = s->vaddr + s->filesz;
	int rc = 0;

	if (!words)
		return -ENOMEM;
	while (rc == 0 && at < end) {
		size_t n = end - at < READ_WORDS * 8 ? (end - at) / 8 : READ_WORDS;
		if (n == 0 || elf_file_read(f, at, words, n * 8) < 0)
			break;
		for (size_t i = 0; i < n && rc == 0; i++)
			if (is_code(code, words[i]) && !cfi_table_find(t, words[i]))
				rc = each(ctx, LEAD_DATA, words[i]);
		at += n * 8;
	}
	return rc;
}

int leads_each(struct elf_file *f, const struct cfi_table *t, const struct code_image *code,
	       lead_each_fn *each, void *ctx)
{
	int rc = 0;

	for (size_t i = 0; i < f->segments.len && rc == 0; i++)
		rc = segment_leads(f, &f->segments.items[i], t, code, each, ctx);
	for (size_t i = 0; i < t->fdes.len && rc == 0; i++) {
		const struct cfi_fde *fde = &t->fdes.items[i];
		uint64_t end = fde->end;
		if (i + 1 < t->fdes.len && fde[1].start < end)
			end = fde[1].start;
		rc = fde_leads(t, fde, end, code, each, ctx);
	}
	return rc;
}
