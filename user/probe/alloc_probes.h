/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Where uprobes may sit to see each allocation of an allocator in an ELF file: malloc and its
 * kind, and operator new and delete where the allocator has code of its own for them. Found by
 * symbols and disassembly, never by tables of offsets. Not thread-safe.
 *
 * A file that defines an allocator is one copy of it; a process may map several (libc and
 * libjemalloc, say), and each is asked for here by itself.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "elf/elf_file.h"

enum allocator {
	ALLOCATOR_GLIBC,
	ALLOCATOR_MUSL,
	ALLOCATOR_JEMALLOC,
	ALLOCATOR_TCMALLOC, /* gperftools' and Google's */
	ALLOCATOR_MIMALLOC,
	ALLOCATOR_CUSTOM, /* defines malloc's names and is none of the above */
};

#define ALLOCATORS_ALL ((1u << (ALLOCATOR_CUSTOM + 1)) - 1)

/** What a probed function does with memory: which arguments matter. */
enum alloc_call {
	ALLOC_SIZE0,          /* size: malloc, valloc, pvalloc, operator new, mallocx */
	ALLOC_CALLOC,         /* count, size */
	ALLOC_SIZE1,          /* alignment, size: memalign, aligned_alloc */
	ALLOC_POSIX_MEMALIGN, /* where the pointer goes, alignment, size; returns 0 or an errno */
	ALLOC_REALLOC,        /* pointer, size */
	ALLOC_FREE,           /* pointer: free, cfree, operator delete, sdallocx */
};

/** A function to probe. Addresses are those of the file. */
struct alloc_probe {
	enum alloc_call call;
	const char *name;    /* the best symbol of the address, mangled as in the file */
	uint64_t entry, end; /* the function; end == entry if its size is not known */
	uint64_t place;      /* the instruction to probe, the argument registers still untouched */
	uint64_t offset;     /* the same as an offset in the file, which the kernel wants */
	bool emulated;       /* the kernel emulates that instruction, see probe/insn.h */
	bool returns; /* a return probe is allowed: nothing is thrown through the function, and at
		       * `place` the stack pointer is that of the entry */

	/*
	 * Calls for which another function of the list does the work and returns the pointer, so
	 * that it alone should count them: realloc of NULL; ALLOC_SIZE1 and ALLOC_POSIX_MEMALIGN
	 * with an alignment of at most 16; ALLOC_FREE: never.
	 */
	bool passes_on;
	/* In other cases, too, it may call an allocating function of the list before it returns. */
	bool nests;
	const char *why; /* static text: why this place and no better one, or no return probe */
};

struct alloc_probes {
	enum allocator allocator;
	vec_of(struct alloc_probe) items; /* by ascending entry, one for each address */
};

/** "glibc", "musl", "jemalloc", "tcmalloc", "mimalloc", "custom". */
const char *allocator_name(enum allocator a);

/** Parse "jemalloc,glibc" into a set of 1u << allocator; -EINVAL names the element. */
int allocators_parse(const char *list, unsigned *ret, struct err *e);

/**
 * Is there an allocator in the file, as far as its symbols tell? For asking of every mapped file:
 * looks at the symbol tables alone. Those of the dynamic loader and of libstdc++, which only serve
 * themselves or call another's malloc, do not count.
 */
bool alloc_probes_any(struct elf_file *f);

/**
 * Find the functions of the file's allocator, if it is among `allocators`, and the place for each.
 * The caller zeroes *ret and frees it with alloc_probes_deinit(); names live as long as the file.
 * -ENOENT: no allocator, with a message that says so or says that the file is a static program
 * without symbols, whose allocator cannot be seen.
 */
int alloc_probes_find(struct elf_file *f, unsigned allocators, struct alloc_probes *ret,
		      struct err *e);
void alloc_probes_deinit(struct alloc_probes *p);
