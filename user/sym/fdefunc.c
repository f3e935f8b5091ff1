// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/fdefunc.h"

#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/map.h"
#include "sym/entry.h"
#include "sym/spans.h"

#define ENCODING_FORMAT  0x0f
#define ENCODING_BASE    0x70
#define ENCODING_UNKNOWN DW_EH_PE_omit
#define ENTRY_CODE_MAX   64 /* glibc's _start has 34 bytes, a little more when it is static */

struct fdefunc {
	struct spans spans;
	uint64_t entry, main; /* 0: none */
};

struct reading {
	struct elf_range section;
	struct map encodings; /* offset of a CIE -> pointer encoding of its FDEs */
	struct spans *spans;
};

/* A pointer as an address of the file; `pos_vaddr` is the address of its first byte. */
static bool pointer_read(struct cursor *c, uint8_t encoding, uint64_t pos_vaddr, uint64_t *to)
{
	uint32_t u32;
	uint16_t u16;
	int64_t sleb;
	bool ok;

	switch (encoding & ENCODING_FORMAT) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		ok = cursor_u64(c, to);
		break;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		ok = cursor_u32(c, &u32);
		if (ok)
			*to = (encoding & DW_EH_PE_signed) ? (uint64_t)(int32_t)u32 : u32;
		break;
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2:
		ok = cursor_u16(c, &u16);
		if (ok)
			*to = (encoding & DW_EH_PE_signed) ? (uint64_t)(int16_t)u16 : u16;
		break;
	case DW_EH_PE_uleb128:
		ok = cursor_uleb(c, to);
		break;
	case DW_EH_PE_sleb128:
		ok = cursor_sleb(c, &sleb);
		if (ok)
			*to = (uint64_t)sleb;
		break;
	default:
		ok = false;
	}
	if (ok && (encoding & ENCODING_BASE) == DW_EH_PE_pcrel)
		*to += pos_vaddr;
	return ok;
}

/* How the FDEs of a CIE write their addresses; only "z" augmentations and none say so. */
static uint8_t cie_encoding(const Dwarf_CIE *cie)
{
	struct cursor c = cursor_init(cie->augmentation_data, cie->augmentation_data_size);
	const char *augmentation = cie->augmentation;
	uint64_t personality;
	uint8_t encoding;

	if (augmentation[0] == '\0')
		return DW_EH_PE_absptr;
	if (augmentation[0] != 'z' || !cie->augmentation_data)
		return ENCODING_UNKNOWN;
	for (const char *a = augmentation + 1; *a; a++) {
		switch (*a) {
		case 'R':
			return cursor_u8(&c, &encoding) ? encoding : ENCODING_UNKNOWN;
		case 'L':
			if (!cursor_skip(&c, 1))
				return ENCODING_UNKNOWN;
			break;
		case 'P':
			if (!cursor_u8(&c, &encoding) ||
			    !pointer_read(&c, encoding & ENCODING_FORMAT, 0, &personality))
				return ENCODING_UNKNOWN;
			break;
		case 'S': /* a signal frame */
		case 'B': /* aarch64: signed by the other key */
			break;
		default:
			return ENCODING_UNKNOWN;
		}
	}
	return DW_EH_PE_absptr;
}

static int fde_add(struct reading *r, const Dwarf_FDE *fde)
{
	struct cursor c = cursor_init(fde->start, (size_t)(fde->end - fde->start));
	const uint8_t *encoding = map_find(&r->encodings, &fde->CIE_pointer);
	uint64_t vaddr = r->section.vaddr + (uint64_t)(fde->start - r->section.data);
	uint64_t start, size;

	if (!encoding || (*encoding & DW_EH_PE_indirect) ||
	    ((*encoding & ENCODING_BASE) != DW_EH_PE_pcrel && (*encoding & ENCODING_BASE) != 0) ||
	    !pointer_read(&c, *encoding, vaddr, &start) ||
	    !pointer_read(&c, *encoding & ENCODING_FORMAT & ~DW_EH_PE_signed, 0, &size))
		return 0;
	if (start == 0 || size == 0 || start + size < start)
		return 0;
	struct span span = { .start = start, .end = start + size };
	return vec_push(&r->spans->items, span);
}

static int fdes_read(struct reading *r, struct elf_file *f)
{
	const unsigned char *ident = (const unsigned char *)elf_getident(f->elf, NULL);
	Elf_Data data = {
		.d_buf = (void *)r->section.data, /* only read */
		.d_size = r->section.size,
		.d_type = ELF_T_BYTE,
		.d_version = EV_CURRENT,
	};
	Dwarf_CFI_Entry entry;
	Dwarf_Off at = 0, next;
	int rc = 0;

	while (rc == 0 && dwarf_next_cfi(ident, &data, true, at, &next, &entry) == 0 && next > at) {
		if (dwarf_cfi_cie_p(&entry)) {
			uint8_t *encoding = map_put(&r->encodings, &at, NULL);
			if (!encoding)
				return -ENOMEM;
			*encoding = cie_encoding(&entry.cie);
		} else {
			rc = fde_add(r, &entry.fde);
		}
		at = next;
	}
	return rc;
}

/* The dynamic loader, where every program begins, has nothing to be told by but its name. */
static bool loader_is(const struct elf_file *f)
{
	const char *slash = strrchr(f->name, '/');

	return strncmp(slash ? slash + 1 : f->name, "ld-", 3) == 0;
}

/*
 * Programs, and what else can be run, have an interpreter or fixed addresses, or are marked as
 * position-independent programs. Some linkers put any address into e_entry of other libraries.
 */
static bool program_is(struct elf_file *f)
{
	size_t n;

	if (f->type == ET_EXEC || loader_is(f))
		return true;
	if (elf_getphdrnum(f->elf, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(f->elf, (int)i, &p))
			continue;
		if (p.p_type == PT_INTERP)
			return true;
		if (p.p_type != PT_DYNAMIC)
			continue;
		Elf64_Dyn dyn;
		for (uint64_t at = 0; at + sizeof(dyn) <= p.p_filesz; at += sizeof(dyn)) {
			if (elf_file_read(f, p.p_vaddr + at, &dyn, sizeof(dyn)) < 0 ||
			    dyn.d_tag == DT_NULL)
				break;
			if (dyn.d_tag == DT_FLAGS_1)
				return dyn.d_un.d_val & DF_1_PIE;
		}
	}
	return false;
}

/* The code at the entry point, as far as it is of interest; returns its length. */
static size_t entry_code(struct elf_file *f, uint8_t *code)
{
	vec_for_each(s, &f->segments) {
		if (!s->executable || f->entry < s->vaddr || f->entry - s->vaddr >= s->filesz)
			continue;
		uint64_t left = s->filesz - (f->entry - s->vaddr);
		size_t len = left < ENTRY_CODE_MAX ? left : ENTRY_CODE_MAX;
		return elf_file_read(f, f->entry, code, len) == 0 ? len : 0;
	}
	return 0;
}

/* The entry point has a name whether or not it has an FDE. */
static int entry_read(struct fdefunc *t, struct elf_file *f)
{
	uint8_t code[ENTRY_CODE_MAX];
	size_t len = f->entry && program_is(f) ? entry_code(f, code) : 0;

	if (len == 0)
		return 0;
	t->entry = f->entry;
	if (f->machine == EM_X86_64)
		t->main = entry_main_x86_64(code, len, f->entry);
	if (spans_find(&t->spans, f->entry))
		return 0;
	struct span span = { .start = f->entry, .end = f->entry + len };
	if (vec_push(&t->spans.items, span) < 0)
		return -ENOMEM;
	spans_index(&t->spans);
	return 0;
}

int fdefunc_create(struct elf_file *f, struct fdefunc **ret, struct err *e)
{
	struct reading r = { 0 };
	int rc = elf_file_eh_frame(f, &r.section, e);

	if (rc < 0)
		return rc;
	struct fdefunc *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(e, -ENOMEM, "cannot read the functions of '%s'", f->name);
	r.spans = &t->spans;
	map_init(&r.encodings, sizeof(Dwarf_Off), sizeof(uint8_t));
	rc = fdes_read(&r, f);
	map_deinit(&r.encodings);
	spans_index(&t->spans);
	if (rc == 0)
		rc = entry_read(t, f);
	if (rc < 0)
		rc = err_set(e, rc, "cannot read the functions of '%s'", f->name);
	else if (t->spans.items.len == 0)
		rc = err_plain(e, -ENOENT, "'%s' has no functions in .eh_frame", f->name);
	if (rc < 0) {
		fdefunc_destroy(t);
		return rc;
	}
	*ret = t;
	return 0;
}

void fdefunc_destroy(struct fdefunc *t)
{
	if (!t)
		return;
	spans_deinit(&t->spans);
	free(t);
}

bool fdefunc_find(const struct fdefunc *t, uint64_t addr, struct fdefunc_function *ret)
{
	const struct span *span = spans_find(&t->spans, addr);

	if (!span)
		return false;
	*ret = (struct fdefunc_function){ .start = span->start, .end = span->end };
	if (span->start == t->entry)
		ret->name = "_start";
	else if (span->start == t->main)
		ret->name = "main";
	return true;
}
