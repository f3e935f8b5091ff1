// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any bytes as the function table of a Go program, in an ELF file made around them. */
#include "elf_image.h"
#include "unwind_check.h"

#define CODE 0x400000 /* address of the image, all of which is executable */

struct image {
	Elf64_Ehdr ehdr;
	Elf64_Phdr code;
	Elf64_Shdr sections[4];
	char names[32];
	uint8_t goexit[8]; /* at 0x198, where the seeds have it */
	uint8_t table[];
};

static const struct image pattern = {
	.ehdr = ELF_IMAGE_HEADER(ET_EXEC, .e_shstrndx = 3),
	.code = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = CODE },
	.sections = { [1] = { .sh_name = 1,
			      .sh_type = SHT_PROGBITS,
			      .sh_offset = offsetof(struct image, table) },
		      [2] = { .sh_name = 12,
			      .sh_type = SHT_PROGBITS,
			      .sh_addr = CODE,
			      .sh_size = 8 },
		      [3] = { .sh_name = 18,
			      .sh_type = SHT_STRTAB,
			      .sh_size = 32,
			      .sh_offset = offsetof(struct image, names) } },
	.names = "\0.gopclntab\0.text\0.shstrtab",
	.goexit = { 0x90, 0xe8 },
};
_Static_assert(offsetof(struct image, goexit) == 0x198, "where the seeds have it");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image *image = malloc(sizeof(*image) + size);
	struct elf_file *f;

	memcpy(image, &pattern, sizeof(*image));
	image->code.p_filesz = image->code.p_memsz = sizeof(*image) + size;
	image->sections[1].sh_size = size;
	if (size)
		memcpy(image->table, data, size);
	if (elf_file_open_memory(image, sizeof(*image) + size, "fuzz", &f, NULL) < 0)
		abort();
	check_file(f, data, size);
	elf_file_close(f);
	free(image);
	return 0;
}
