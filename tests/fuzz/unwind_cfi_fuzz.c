// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any bytes as an .eh_frame section, in an ELF file made around them. */
#include <elf.h>

#include "unwind_check.h"

#define CODE_SIZE (16ull << 20) /* around the section, whose addresses of code are relative */
#define SECTION   (8ull << 20)

/* The file has no sections: .eh_frame is found by the pointer in .eh_frame_hdr. */
struct image {
	Elf64_Ehdr ehdr;
	Elf64_Phdr frames, code, header;
	uint8_t eh_frame_hdr[8]; /* version, encodings, pointer */
	uint8_t eh_frame[];
};

static const struct image pattern = {
	.ehdr = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = 0x1000,
		.e_phoff = offsetof(struct image, frames),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
	},
	.frames = { .p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = SECTION - 8,
		    .p_offset = offsetof(struct image, eh_frame_hdr) },
	.code = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = CODE_SIZE, .p_memsz = CODE_SIZE },
	.header = { .p_type = PT_GNU_EH_FRAME, .p_vaddr = SECTION - 8, .p_filesz = 8, .p_memsz = 8 },
	.eh_frame_hdr = { 1, 0x1b, 0xff, 0xff, 4 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image *image = malloc(sizeof(*image) + size);
	struct elf_file *f;

	memcpy(image, &pattern, sizeof(*image));
	image->frames.p_filesz = image->frames.p_memsz = sizeof(image->eh_frame_hdr) + size;
	if (size)
		memcpy(image->eh_frame, data, size);
	if (elf_file_open_memory(image, sizeof(*image) + size, "fuzz", &f, NULL) < 0)
		abort();
	check_file(f, data, size);
	elf_file_close(f);
	free(image);
	return 0;
}
