// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any bytes as an ELF file: its symbols and FDEs are read or refused, and keep their promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sym/demangle.h"
#include "sym/fdefunc.h"
#include "sym/symtab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Addresses to look up: the ends of the segments and of what is found there. */
static const uint64_t steps[] = { 0, 1, 0x40, 0x1000, 0x5000, UINT64_MAX };

static void symbols_check(struct elf_file *f, enum symtab_kind kind)
{
	struct symtab *t;
	struct symtab_symbol s;

	if (symtab_create(f, kind, &t, NULL) < 0)
		return;
	vec_for_each(segment, &f->segments) {
		for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
			uint64_t addr = segment->vaddr + steps[i];

			for (int k = 0; k < 64 && symtab_find(t, addr, &s); k++) {
				if (addr < s.start || addr >= s.end || !s.name_len ||
				    strlen(s.name) < s.name_len)
					abort();
				free(demangle(s.name, s.name_len));
				addr = s.end;
			}
			if (symtab_find_start(t, addr, &s) && s.start != addr)
				abort();
		}
	}
	symtab_destroy(t);
}

static void functions_check(struct elf_file *f)
{
	struct fdefunc *t;
	struct fdefunc_function function;

	if (fdefunc_create(f, &t, NULL) < 0)
		return;
	vec_for_each(segment, &f->segments) {
		for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
			uint64_t addr = segment->vaddr + steps[i];

			for (int k = 0; k < 64 && fdefunc_find(t, addr, &function); k++) {
				if (addr < function.start || addr >= function.end)
					abort();
				addr = function.end;
			}
		}
	}
	fdefunc_destroy(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_file *f;

	if (elf_file_open_memory(data, size, "fuzz", &f, NULL) < 0)
		return 0;
	symbols_check(f, SYMTAB_STATIC);
	symbols_check(f, SYMTAB_DYNAMIC);
	functions_check(f);
	elf_file_close(f);
	return 0;
}
