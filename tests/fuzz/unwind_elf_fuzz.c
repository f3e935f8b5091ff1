// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any bytes as an ELF file: it is read and compiled to rows that keep their promises, or refused.
 */
#include "unwind_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_range range;
	struct elf_file *f;
	uint64_t word;

	if (elf_file_open_memory(data, size, "fuzz", &f, NULL) < 0)
		return 0;
	elf_file_section(f, ".text", &range, NULL);
	elf_file_section(f, ".debug_info", &range, NULL);
	elf_file_read(f, f->entry, &word, sizeof(word));
	if (f->build_id_len > ELF_BUILD_ID_MAX)
		abort();
	check_file(f, data, size);
	elf_file_close(f);
	return 0;
}
