/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Where calls and jumps go: into the file, or through its procedure linkage table (psABI,
 * "Procedure Linkage Table") to a function that has a name. Not thread-safe.
 */
#pragma once

#include "probe/alloc_functions.h"
#include "probe/code.h"

enum callee_kind {
	CALLEE_CODE,    /* a function of the file that has no part in this, or any other address */
	CALLEE_ALLOC,   /* an allocation function, of this file or another */
	CALLEE_OUTSIDE, /* a function of another file, of which nothing is known */
	CALLEE_UNKNOWN, /* through a register or a table */
	CALLEE_HARMLESS,
	CALLEE_ENDS,
	CALLEE_THROWS, /* as enum call_role tells */
};

struct callee {
	enum callee_kind kind;
	uint64_t vaddr;         /* in this file; 0: outside or unknown */
	struct alloc_name what; /* CALLEE_ALLOC */
};

struct calls;

/** Read the file's relocations. All that is passed must outlive *ret; freed with calls_destroy().
 */
int calls_create(struct elf_file *f, struct code *code, const struct alloc_functions *functions,
		 struct calls **ret, struct err *e);
void calls_destroy(struct calls *c);

/** Where a FLOW_CALL, FLOW_JUMP or FLOW_JUMP_IF goes. A name that the file defines is taken to mean
 * its own function, though another file's may come before it. */
struct callee calls_resolve(struct calls *c, const struct insn *in);
