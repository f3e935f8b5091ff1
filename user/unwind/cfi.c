// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/cfi.h"

#include <dwarf.h>
#include <string.h>

#define LENGTH_64BIT     0xffffffffu
#define ENCODING_FORMAT  0x0f
#define ENCODING_BASE    0x70
#define PERSONALITY_MASK (~DW_EH_PE_indirect & 0xff) /* its value is not wanted */

/* The number itself, before any base is added. */
static bool number_read(struct cursor *c, uint8_t format, uint64_t *to)
{
	uint16_t u16;
	uint32_t u32;

	switch (format) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return cursor_u64(c, to);
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		if (!cursor_u32(c, &u32))
			return false;
		*to = format == DW_EH_PE_sdata4 ? (uint64_t)(int32_t)u32 : u32;
		return true;
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2:
		if (!cursor_u16(c, &u16))
			return false;
		*to = format == DW_EH_PE_sdata2 ? (uint64_t)(int16_t)u16 : u16;
		return true;
	case DW_EH_PE_uleb128:
		return cursor_uleb(c, to);
	case DW_EH_PE_sleb128:
		return cursor_sleb(c, (int64_t *)to);
	default:
		return false;
	}
}

bool cfi_pointer(struct cursor *c, uint8_t encoding, const struct elf_range *section, uint64_t *to)
{
	uint64_t vaddr = section->vaddr + (uint64_t)(c->pos - section->data);
	struct cursor at = *c;

	if (encoding == DW_EH_PE_omit || (encoding & DW_EH_PE_indirect))
		return false;
	switch (encoding & ENCODING_BASE) {
	case DW_EH_PE_absptr:
		vaddr = 0;
		break;
	case DW_EH_PE_pcrel:
		break;
	case DW_EH_PE_aligned: /* an address at the next multiple of its size */
		if (!cursor_skip(&at, -vaddr & 7))
			return false;
		vaddr = 0;
		break;
	default:
		return false;
	}
	if (!number_read(&at, encoding & ENCODING_FORMAT, to))
		return false;
	*to += vaddr;
	*c = at;
	return true;
}

/* The letters after 'z' say what the augmentation data holds, in their order. */
static bool augmentation_read(struct cursor *c, const char *letters,
			      const struct elf_range *section, struct cfi_cie *cie)
{
	struct cursor data;
	uint64_t len, personality;
	uint8_t encoding;

	if (!cursor_uleb(c, &len) || !cursor_sub(c, len, &data))
		return false;
	for (; *letters; letters++) {
		switch (*letters) {
		case 'R':
			if (!cursor_u8(&data, &cie->fde_encoding))
				return false;
			break;
		case 'L':
			if (!cursor_u8(&data, &encoding))
				return false;
			break;
		case 'P':
			if (!cursor_u8(&data, &encoding) ||
			    (encoding != DW_EH_PE_omit &&
			     !cfi_pointer(&data, encoding & PERSONALITY_MASK, section,
					  &personality)))
				return false;
			break;
		case 'S':
			cie->signal = true;
			break;
		case 'B': /* pointers are signed with the B key: of no meaning on x86_64 */
			break;
		default:
			return false;
		}
	}
	return true;
}

/* `c` is behind the CIE's id field, and ends where the CIE does. */
static bool cie_read(struct cursor c, const struct elf_range *section, struct cfi_cie *cie)
{
	uint8_t version, address_size, segment_size;
	uint64_t ra, eh_data;
	const char *augmentation;

	if (!cursor_u8(&c, &version) || (version != 1 && version != 3 && version != 4) ||
	    !cursor_cstr(&c, &augmentation))
		return false;
	if (strcmp(augmentation, "eh") == 0) { /* gcc 2's form, with a pointer */
		if (!cursor_u64(&c, &eh_data))
			return false;
		augmentation = "";
	}
	if (version == 4 && (!cursor_u8(&c, &address_size) || address_size != 8 ||
			     !cursor_u8(&c, &segment_size) || segment_size != 0))
		return false;
	if (!cursor_uleb(&c, &cie->code_align) || !cursor_sleb(&c, &cie->data_align))
		return false;
	if (version == 1) {
		uint8_t column;
		if (!cursor_u8(&c, &column))
			return false;
		ra = column;
	} else if (!cursor_uleb(&c, &ra)) {
		return false;
	}
	if (ra != CFI_REG_RA)
		return false;
	cie->fde_encoding = DW_EH_PE_absptr;
	if (*augmentation == 'z') {
		cie->fde_augmented = true;
		if (!augmentation_read(&c, augmentation + 1, section, cie))
			return false;
	} else if (*augmentation) {
		return false;
	}
	cie->program = c;
	return true;
}

/* The index of the CIE at an offset, -1 if none was read there. They are in order of offset. */
static int64_t cie_find(const struct cfi_table *t, uint32_t offset)
{
	size_t low = 0, high = t->cies.len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (t->cies.items[mid].offset == offset)
			return (int64_t)mid;
		if (t->cies.items[mid].offset < offset)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

/* `c` is behind the FDE's CIE pointer, and ends where the FDE does. */
static bool fde_read(struct cursor c, const struct cfi_table *t, uint32_t cie, struct cfi_fde *fde)
{
	const struct cfi_cie *of = &t->cies.items[cie];
	uint64_t size, augmented;

	if (!cfi_pointer(&c, of->fde_encoding, &t->section, &fde->start) ||
	    !number_read(&c, of->fde_encoding & ENCODING_FORMAT, &size))
		return false;
	if (size == 0 || fde->start + size < fde->start)
		return false;
	if (of->fde_augmented && (!cursor_uleb(&c, &augmented) || !cursor_skip(&c, augmented)))
		return false;
	fde->end = fde->start + size;
	fde->cie = cie;
	fde->program = (uint32_t)(c.pos - t->section.data);
	fde->program_len = (uint32_t)cursor_left(&c);
	return true;
}

/* `c` is at the id field of an entry that begins at `offset`. */
static int entry_read(struct cfi_table *t, struct cursor c, uint32_t offset, int64_t *last_cie)
{
	uint32_t id, id_at = (uint32_t)(c.pos - t->section.data);

	if (!cursor_u32(&c, &id))
		return 0;
	if (id == 0) {
		struct cfi_cie cie = { .offset = offset };
		return cie_read(c, &t->section, &cie) ? vec_push(&t->cies, cie) : 0;
	}
	if (id > id_at) /* the distance back to the CIE */
		return 0;
	if (*last_cie < 0 || t->cies.items[*last_cie].offset != id_at - id)
		*last_cie = cie_find(t, id_at - id);
	struct cfi_fde fde;
	if (*last_cie < 0 || !fde_read(c, t, (uint32_t)*last_cie, &fde))
		return 0;
	return vec_push(&t->fdes, fde);
}

int cfi_table_init(struct cfi_table *t, struct elf_range section)
{
	struct cursor c = cursor_init(section.data, section.size);
	int64_t last_cie = -1;
	int rc = 0;

	*t = (struct cfi_table){ .section = section };
	if (section.size > UINT32_MAX)
		return 0; /* offsets are 32 bits; no such file is known */
	while (rc == 0) {
		uint32_t offset = (uint32_t)(c.pos - section.data), length32;
		uint64_t length;
		struct cursor entry;

		if (!cursor_u32(&c, &length32) || length32 == 0)
			break;
		length = length32;
		if (length32 == LENGTH_64BIT && !cursor_u64(&c, &length))
			break;
		if (!cursor_sub(&c, length, &entry))
			break;
		rc = entry_read(t, entry, offset, &last_cie);
	}
	if (rc == 0)
		rc = cfi_table_sort(t);
	if (rc < 0)
		cfi_table_deinit(t);
	return rc;
}

void cfi_table_deinit(struct cfi_table *t)
{
	vec_deinit(&t->cies);
	vec_deinit(&t->fdes);
}

#define SORT_BITS 13 /* two passes for 64 MiB of code */
#define SORT_MASK ((1u << SORT_BITS) - 1)

/* One pass of a stable radix sort by start. */
static void sort_pass(const struct cfi_fde *from, struct cfi_fde *to, size_t n, int shift)
{
	uint32_t counts[1u << SORT_BITS] = { 0 }, at = 0;

	for (size_t i = 0; i < n; i++)
		counts[(from[i].start >> shift) & SORT_MASK]++;
	for (size_t i = 0; i <= SORT_MASK; i++) {
		uint32_t count = counts[i];
		counts[i] = at;
		at += count;
	}
	for (size_t i = 0; i < n; i++)
		to[counts[(from[i].start >> shift) & SORT_MASK]++] = from[i];
}

int cfi_table_sort(struct cfi_table *t)
{
	uint64_t differing = 0;
	bool sorted = true;
	size_t n = t->fdes.len;

	for (size_t i = 1; i < n; i++) {
		differing |= t->fdes.items[i].start ^ t->fdes.items[0].start;
		sorted &= t->fdes.items[i - 1].start <= t->fdes.items[i].start;
	}
	if (sorted)
		return 0;
	struct cfi_fde *spare = malloc(n * sizeof(*spare));
	if (!spare)
		return -ENOMEM;
	for (int shift = 0; shift < 64; shift += SORT_BITS) {
		if (!((differing >> shift) & SORT_MASK))
			continue;
		sort_pass(t->fdes.items, spare, n, shift);
		struct cfi_fde *sorted_items = spare;
		spare = t->fdes.items;
		t->fdes.items = sorted_items;
		t->fdes.cap = n;
	}
	free(spare);
	return 0;
}

const struct cfi_fde *cfi_table_find(const struct cfi_table *t, uint64_t vaddr)
{
	size_t low = 0, high = t->fdes.len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (t->fdes.items[mid].start <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && vaddr < t->fdes.items[low - 1].end ? &t->fdes.items[low - 1] : NULL;
}
