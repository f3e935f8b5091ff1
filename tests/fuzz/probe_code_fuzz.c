// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any bytes as the code of an allocator, in a file that is otherwise in order. */
#include "elf_image.h"
#include "probe_check.h"

#define FUNCTIONS 8
#define VADDR     0x400000
#define GOT       0x500000 /* its slots, which the code's calls may happen to go through */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char names[FUNCTIONS][16] = { "malloc", "free",           "realloc",  "calloc",
					   "_Znwm",  "posix_memalign", "memalign", "reallocarray" };

struct image {
	Elf64_Ehdr ehdr;
	Elf64_Phdr code;
	Elf64_Shdr sections[4];
	Elf64_Sym symbols[1 + FUNCTIONS];
	Elf64_Rela slots[FUNCTIONS];
	char strings[1 + sizeof(names)];
};

static const struct image form = {
	.ehdr = ELF_IMAGE_HEADER(ET_DYN),
	.code = { .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_X,
		  .p_offset = sizeof(struct image),
		  .p_vaddr = VADDR },
	.sections = { [1] = { .sh_type = SHT_DYNSYM,
			      .sh_flags = SHF_ALLOC,
			      .sh_offset = offsetof(struct image, symbols),
			      .sh_size = sizeof(form.symbols),
			      .sh_link = 2,
			      .sh_info = 1,
			      .sh_addralign = 8,
			      .sh_entsize = sizeof(Elf64_Sym) },
		      [2] = { .sh_type = SHT_STRTAB,
			      .sh_flags = SHF_ALLOC,
			      .sh_offset = offsetof(struct image, strings),
			      .sh_size = sizeof(form.strings),
			      .sh_addralign = 1 },
		      [3] = { .sh_type = SHT_RELA,
			      .sh_flags = SHF_ALLOC,
			      .sh_offset = offsetof(struct image, slots),
			      .sh_size = sizeof(form.slots),
			      .sh_link = 1,
			      .sh_addralign = 8,
			      .sh_entsize = sizeof(Elf64_Rela) } },
};

/* The functions divide the code evenly. */
static void functions_fill(struct image *image, size_t size)
{
	size_t each = size / FUNCTIONS;

	memcpy(image->strings + 1, names, sizeof(names));
	for (size_t i = 0; i < FUNCTIONS; i++) {
		image->symbols[1 + i] = (Elf64_Sym){
			.st_name = (Elf64_Word)(1 + i * sizeof(names[0])),
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			.st_shndx = 1,
			.st_value = VADDR + i * each,
			.st_size = each,
		};
		image->slots[i] = (Elf64_Rela){
			.r_offset = GOT + i * 8,
			.r_info = ELF64_R_INFO(1 + i, R_X86_64_JUMP_SLOT),
		};
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_file *f;
	struct image *image = malloc(sizeof(*image) + size);

	if (!image)
		return 0;
	*image = form;
	image->code.p_filesz = image->code.p_memsz = size;
	functions_fill(image, size);
	if (size)
		memcpy(image + 1, data, size);
	if (elf_file_open_memory(image, sizeof(*image) + size, "fuzz", &f, NULL) < 0)
		abort();
	if (size >= FUNCTIONS && !alloc_probes_any(f))
		abort();
	check_file(f);
	elf_file_close(f);
	free(image);
	return 0;
}
