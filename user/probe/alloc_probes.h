/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Where uprobes may sit to see each allocation of an allocator in an ELF file: malloc and its
 * kind, and operator new and delete where the allocator has code of its own for them. Found by
 * symbols and disassembly, never by tables of offsets. Not thread-safe.
 *
 * A file that defines an allocator is one copy of it; a process may map several (libc and
 * libjemalloc, say), and each is asked for here by itself. A program may hold two: mimalloc for
 * its own code under names of its own (mi_malloc), and libc's malloc for the rest.
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

/** What a probed function does with memory: which arguments matter, in rdi, rsi and rdx. */
enum alloc_call {
	ALLOC_SIZE0,          /* size: malloc, valloc, pvalloc, operator new, mallocx */
	ALLOC_CALLOC,         /* count, size */
	ALLOC_SIZE1,          /* alignment or anything, size: memalign, aligned_alloc; and a
			       * function of ALLOC_SIZE0 whose size is in rsi by `place` */
	ALLOC_POSIX_MEMALIGN, /* where the pointer goes, alignment, size; returns 0 or an errno */
	ALLOC_REALLOC,        /* pointer, size */
	ALLOC_REALLOCARRAY,   /* pointer, count, size */
	ALLOC_FREE,           /* pointer: free, cfree, operator delete, sdallocx */
};

/** A function to probe. Addresses are those of the file. */
struct alloc_probe {
	enum allocator allocator;
	enum alloc_call call;
	const char *name;    /* the best symbol of the address, as in the file (mangled) */
	uint64_t entry, end; /* the function; end == entry if the symbol has no size */
	uint64_t place;      /* the instruction to probe; the arguments are still in place there */
	uint64_t offset;     /* the same as an offset in the file, which the kernel wants */
	bool emulated;       /* the kernel emulates that instruction, see probe/insn.h */
	const char *why;     /* static text: why this place and no better one */

	/* A return probe is allowed: nothing is thrown through the function, and the stack pointer
	 * at `place` is still that of the entry. no_return tells why not, else NULL. */
	bool returns;
	const char *no_return; /* static text */

	/* Instead of its return, its exits can be probed: all are in alloc_probes.exits. */
	bool exits;

	/*
	 * What the function leaves to other allocating functions of the list or of other files,
	 * as far as its code tells. passes_on: in one case it always does, and returns what they
	 * return, so that they alone should count the call. The case is, for ALLOC_REALLOC and
	 * ALLOC_REALLOCARRAY, a pointer of NULL, and for ALLOC_SIZE1 and ALLOC_POSIX_MEMALIGN an
	 * alignment of at most 16. nests: it may call one of them in other cases, too. jumps: in
	 * these it may have left its own code by a jump before, so that it is not on the stack.
	 */
	bool passes_on;
	bool nests;
	bool jumps;
};

/** An instruction by which functions that have `exits` return; other code may return by it too. */
struct alloc_exit {
	uint64_t vaddr, offset; /* in the file */
	const char *name;       /* of one such function, */
	uint64_t entry;         /* and where it begins */
};

/** A function that has an allocation's name and needs no probe, or cannot have one. */
struct alloc_skip {
	const char *name;
	uint64_t entry;
	const char *why; /* static text */
};

struct alloc_probes {
	vec_of(struct alloc_probe) items; /* by ascending entry, one for each address */
	vec_of(struct alloc_exit) exits;  /* by ascending address, each once */
	vec_of(struct alloc_skip) skips;
	unsigned others; /* set of 1u << allocator: what the file has beside those asked for */
};

/** "glibc", "musl", "jemalloc", "tcmalloc", "mimalloc", "custom". */
const char *allocator_name(enum allocator a);

/** Write the names of a set, "jemalloc, glibc", for people to read; `to` is always terminated. */
void allocators_format(unsigned set, char *to, size_t size);

/** Parse "jemalloc,glibc" into a set of 1u << allocator; -EINVAL names the element. */
int allocators_parse(const char *list, unsigned *ret, struct err *e);

/**
 * Is there an allocator in the file, as far as its symbols tell? For asking of every mapped file:
 * looks at the symbol tables alone. Those of the dynamic loader and of libstdc++, which only serve
 * themselves or call another's malloc, do not count.
 */
bool alloc_probes_any(struct elf_file *f);

/**
 * Find the functions of the file's allocators, as far as these are in the set `allocators`, and the
 * place for each; ret->others is told in any case. The caller zeroes *ret and frees it with
 * alloc_probes_deinit(); names live as long as the file. -ENOENT: nothing to probe, with a message
 * that tells whether there is no allocator, none of the set, or a static program without symbols,
 * whose allocator cannot be seen.
 */
int alloc_probes_find(struct elf_file *f, unsigned allocators, struct alloc_probes *ret,
		      struct err *e);
void alloc_probes_deinit(struct alloc_probes *p);
