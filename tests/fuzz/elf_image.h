/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What the fuzzers have in common that make an ELF file around any bytes. */
#pragma once

#include <elf.h>
#include <stddef.h>

/**
 * The header of a file of x86_64 that is a `struct image`: with one program header, `code`, and
 * section headers, `sections`. More of its members may follow.
 */
#define ELF_IMAGE_HEADER(type, ...)                                                                \
	{                                                                                          \
		.e_ident = ELFMAG "\2\1\1" /* 64 bits, little endian */, .e_type = type,           \
		.e_machine = EM_X86_64, .e_version = EV_CURRENT,                                   \
		.e_phoff = offsetof(struct image, code),                                           \
		.e_shoff = offsetof(struct image, sections), .e_ehsize = sizeof(Elf64_Ehdr),       \
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1,                                   \
		.e_shentsize = sizeof(Elf64_Shdr),                                                 \
		.e_shnum = sizeof(((struct image *)0)->sections) / sizeof(Elf64_Shdr), __VA_ARGS__ \
	}
