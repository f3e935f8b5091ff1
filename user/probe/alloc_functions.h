/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The functions of the allocators in an ELF file, as its symbol tables name them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "probe/alloc_names.h"

/** One address that has an allocation's name, or several. */
struct alloc_function {
	uint64_t entry, end; /* end == entry: the symbol has no size */
	const char *name;    /* the best; lives as long as the file */
	struct alloc_name what;
	enum allocator allocator;
	bool ifunc; /* entry is that of the function that chooses one */
};

/** Another function whose name tells something. */
struct alloc_callee {
	uint64_t entry;
	enum call_role role;
};

struct alloc_functions {
	vec_of(struct alloc_function) items; /* by entry */
	vec_of(struct alloc_callee) callees; /* by entry */
	bool symbols;                        /* the file has any symbols of functions */
};

/**
 * Read the file's symbols. Only families with both malloc and free are allocators, and those of
 * the dynamic loader are not: before glibc 2.32 it exported a malloc that serves itself alone until
 * libc's is there. Without an allocator *ret is empty. The caller zeroes *ret and frees it with
 * alloc_functions_deinit(). -ENOMEM.
 */
int alloc_functions_read(struct elf_file *f, struct alloc_functions *ret, struct err *e);
void alloc_functions_deinit(struct alloc_functions *t);

/** Would alloc_functions_read() find any? */
bool alloc_functions_any(struct elf_file *f);

/** The function that begins at an address, or NULL. */
const struct alloc_function *alloc_functions_find(const struct alloc_functions *t, uint64_t entry);

/** What is known of the function that begins at an address. */
enum call_role alloc_functions_role(const struct alloc_functions *t, uint64_t entry);
