// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any bytes as an ELF file: its allocator is found or not, but probes go where the kernel takes
 * them.
 */
#include "probe_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_file *f;

	if (elf_file_open_memory(data, size, "fuzz", &f, NULL) < 0)
		return 0;
	check_file(f);
	elf_file_close(f);
	return 0;
}
