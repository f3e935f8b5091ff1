/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Makes .eh_frame sections entry by entry, and ELF files around them. */
#pragma once

#include <dwarf.h>
#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define CODE      0x10000ULL /* the executable segment */
#define CODE_SIZE 0x40000ULL
#define SECTION   0x80000ULL /* .eh_frame */

struct cie_form {
	const char *augmentation;
	uint8_t version;
	uint8_t encoding; /* of addresses in FDEs */
	bool long_length;
	uint8_t data[16]; /* augmentation data */
	uint8_t data_len;
};

/* What compilers emit, but for the encoding. */
static const struct cie_form plain_form = {
	.augmentation = "zR",
	.version = 1,
	.encoding = DW_EH_PE_udata4,
	.data = { DW_EH_PE_udata4 },
	.data_len = 1,
};

static void put8(struct buf *b, uint8_t byte)
{
	buf_add(b, &byte, 1);
}

static void put32(struct buf *b, uint32_t word)
{
	buf_add(b, &word, sizeof(word));
}

static void put64(struct buf *b, uint64_t word)
{
	buf_add(b, &word, sizeof(word));
}

/* An entry: its length, then `body`. */
static void put_entry(struct buf *b, bool long_length, const struct buf *body)
{
	if (long_length) {
		put32(b, UINT32_MAX);
		put64(b, body->len);
	} else {
		put32(b, (uint32_t)body->len);
	}
	buf_add(b, body->data, body->len);
}

/* code_align 1, data_align -8, return address 16; CFA = rsp + 8, return address at CFA - 8. */
static const uint8_t usual_start[] = { DW_CFA_def_cfa, 7, 8, DW_CFA_offset | 16, 1 };

static size_t put_cie(struct buf *b, const struct cie_form *form, const uint8_t *program,
		      size_t len)
{
	struct buf body = { 0 };
	size_t at = b->len;

	put32(&body, 0);
	put8(&body, form->version);
	buf_add(&body, form->augmentation, strlen(form->augmentation) + 1);
	if (strcmp(form->augmentation, "eh") == 0)
		put64(&body, 0x1234);
	if (form->version == 4) {
		put8(&body, 8);
		put8(&body, 0);
	}
	put8(&body, 1);
	put8(&body, 0x78);
	put8(&body, 16);
	if (form->augmentation[0] == 'z') {
		put8(&body, form->data_len);
		buf_add(&body, form->data, form->data_len);
	}
	buf_add(&body, program, len);
	put_entry(b, form->long_length, &body);
	buf_deinit(&body);
	return at;
}

static void put_number(struct buf *body, uint8_t format, uint64_t value)
{
	switch (format) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		put64(body, value);
		break;
	case DW_EH_PE_uleb128:
		for (; value > 0x7f; value >>= 7)
			put8(body, (uint8_t)value | 0x80);
		put8(body, (uint8_t)value);
		break;
	default:
		put32(body, (uint32_t)value);
	}
}

static void put_fde(struct buf *b, size_t cie, const struct cie_form *form, uint64_t start,
		    uint64_t size, const uint8_t *program, size_t len)
{
	size_t length_size = form->long_length ? 12 : 4, id_at = b->len + length_size;
	struct buf body = { 0 };
	uint64_t base = form->encoding & DW_EH_PE_pcrel ? SECTION + id_at + 4 : 0;

	put32(&body, (uint32_t)(id_at - cie));
	put_number(&body, form->encoding & 0x0f, start - base);
	put_number(&body, form->encoding & 0x0f, size);
	if (form->augmentation[0] == 'z')
		put8(&body, 0);
	buf_add(&body, program, len);
	put_entry(b, form->long_length, &body);
	buf_deinit(&body);
}

struct image {
	Elf64_Ehdr ehdr;
	Elf64_Phdr segments[3];
	uint8_t eh_frame_hdr[8];
};

/* Takes the section's bytes; the caller frees the image. */
static void *image_create(struct buf *section, uint64_t entry, size_t *size)
{
	struct image image = {
		.ehdr = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				       EV_CURRENT },
			  .e_type = ET_DYN,
			  .e_machine = EM_X86_64,
			  .e_version = EV_CURRENT,
			  .e_entry = entry,
			  .e_phoff = offsetof(struct image, segments),
			  .e_ehsize = sizeof(Elf64_Ehdr),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 3 },
		.segments = { { .p_type = PT_LOAD,
				.p_flags = PF_R,
				.p_vaddr = SECTION - 8,
				.p_offset = offsetof(struct image, eh_frame_hdr),
				.p_filesz = 8 + section->len,
				.p_memsz = 8 + section->len },
			      { .p_type = PT_LOAD,
				.p_flags = PF_R | PF_X,
				.p_vaddr = CODE,
				.p_filesz = CODE_SIZE,
				.p_memsz = CODE_SIZE },
			      { .p_type = PT_GNU_EH_FRAME,
				.p_vaddr = SECTION - 8,
				.p_filesz = 8,
				.p_memsz = 8 } },
		.eh_frame_hdr = { 1, DW_EH_PE_pcrel | DW_EH_PE_sdata4, 0xff, 0xff, 4 },
	};
	char *to = malloc(sizeof(image) + section->len);

	memcpy(to, &image, sizeof(image));
	if (section->len)
		memcpy(to + sizeof(image), section->data, section->len);
	*size = sizeof(image) + section->len;
	buf_deinit(section);
	return to;
}
