/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Small libraries and programs in assembly, to look for probes in. Include after cmocka.h. */
#pragma once

#include "probe/alloc_probes.h"
#include "sym_program.h"

#define FUNCTION(name, body)                                                                       \
	".p2align 4\n.globl " name "\n.type " name ",@function\n" name ":\n" body "\n.size " name  \
	",.-" name "\n"
#define ALIAS(name, of) ".globl " name "\n.type " name ",@function\n.set " name "," of "\n"

/* Allocators without surprises; what they do is to write to memory that is not the stack. */
#define WORK   " mov %rdi,state(%rip)\n"
#define MALLOC FUNCTION("malloc", "push %rbx\n" WORK "pop %rbx\nret")
#define FREE   FUNCTION("free", "push %rbx\n" WORK "pop %rbx\nret")

/** Make a file in the working directory from assembly, by flags of gcc. */
static inline void assemble(const char *name, const char *source, const char *flags)
{
	struct buf text = { 0 };

	buf_printf(&text, ".local state\n.comm state,8,8\n.text\n%s", source);
	program_write("case.s", text.data);
	buf_deinit(&text);
	program_run("gcc -nostdlib -Wl,--no-warnings -Wl,-z,lazy %s case.s -o %s", flags, name);
}

/** The probe or skip of a function's best name, or NULL. */
static inline const struct alloc_probe *find_probe(const struct alloc_probes *probes,
						   const char *name)
{
	vec_for_each(p, &probes->items)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static inline const struct alloc_skip *find_skip(const struct alloc_probes *probes,
						 const char *name)
{
	vec_for_each(s, &probes->skips)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}
