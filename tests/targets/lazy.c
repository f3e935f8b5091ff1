// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * lazy [SECONDS]: has the dynamic linker bind one function again and again, by putting the address
 * back that its call went to before it was bound. Built without -z now, and not as PIE.
 */
#include <elf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "target.h"

/* The word that calls of a function go through. */
static uint64_t *slot_find(const char *name)
{
	const Elf64_Rela *relocations = NULL;
	const Elf64_Sym *symbols = NULL;
	const char *names = NULL;
	uint64_t size = 0;

	for (const Elf64_Dyn *d = _DYNAMIC; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_JMPREL)
			relocations = (const Elf64_Rela *)d->d_un.d_ptr;
		else if (d->d_tag == DT_PLTRELSZ)
			size = d->d_un.d_val;
		else if (d->d_tag == DT_SYMTAB)
			symbols = (const Elf64_Sym *)d->d_un.d_ptr;
		else if (d->d_tag == DT_STRTAB)
			names = (const char *)d->d_un.d_ptr;
	}
	for (uint64_t i = 0; relocations && i < size / sizeof(*relocations); i++)
		if (strcmp(names + symbols[ELF64_R_SYM(relocations[i].r_info)].st_name, name) == 0)
			return (uint64_t *)relocations[i].r_offset;
	return NULL;
}

TARGET_ROW int lazy_call(uint64_t *slot, uint64_t unbound)
{
	__atomic_store_n(slot, unbound, __ATOMIC_RELAXED);
	int parent = getppid();
	TARGET_NO_TAIL_CALL();
	return parent;
}

int main(int argc, char **argv)
{
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 1, 60));
	uint64_t *slot = slot_find("getppid");

	if (!slot) {
		fprintf(stderr, "getppid is not bound lazily\n");
		return 1;
	}
	uint64_t unbound = *slot;
	target_ready();
	while (!target_is_over(deadline_ns))
		for (int i = 0; i < 1000; i++)
			lazy_call(slot, unbound);
	return 0;
}
