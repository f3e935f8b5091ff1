// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any bytes as an ELF file with DWARF: all its sources are read and asked, in bounded time. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sym/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ADDRS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct debugfile_place place = { -1, "/fuzz" };
	struct symbols_result results[ADDRS];
	uint64_t addrs[ADDRS];
	struct elf_file *f;
	struct symbols *s;
	size_t n = 0;

	if (elf_file_open_memory(data, size, "fuzz", &f, NULL) < 0)
		return 0;
	vec_for_each(segment, &f->segments) {
		for (size_t i = 0; i < 16 && n < ADDRS; i++)
			addrs[n++] = segment->vaddr + segment->memsz / 16 * i;
	}
	if (symbols_create(f, &place, &s, NULL) == 0) {
		if (symbols_resolve(s, addrs, n, results, NULL) == 0) {
			for (size_t i = 0; i < n; i++) {
				for (uint32_t k = 0; k < results[i].len; k++) {
					if (!results[i].frames[k].name[0])
						abort();
				}
			}
		}
		symbols_destroy(s);
	}
	elf_file_close(f);
	return 0;
}
