/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Functions, inlined calls and lines from DWARF (versions 2 to 5, with split and dwz files), for
 * many addresses of one file at once. libdw parses. Not thread-safe.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sym/debugfile.h"

struct debuginfo;

/** A function as DWARF describes it; one for all its inlined and split copies. */
struct debuginfo_function {
	const char *name;         /* DW_AT_name: without its scope; NULL: none */
	const char *scope;        /* as "ns::Class::", of C++ without linkage name; else "" */
	const char *linkage_name; /* mangled; NULL: none (C, and GCC's functions of one file) */
	uint32_t start_line;      /* of the declaration; 0: unknown */
};

struct debuginfo_frame {
	const struct debuginfo_function *function; /* NULL: only the line is known */
	const char *file; /* source path, full if the unit has a directory; NULL: unknown */
	uint32_t line;    /* 0: unknown, or made by the compiler */
};

/** The frames at an address: frames[first .. first + len), the innermost inlined call first. */
struct debuginfo_range {
	size_t first;
	uint32_t len; /* 0: DWARF does not know the address */
};

/**
 * Read the units of a file that holds its DWARF itself; it is borrowed. `place` says where to
 * look for the file of .gnu_debugaltlink, without which parts of the names are missing. The caller
 * frees *ret with debuginfo_destroy(); untouched on failure. -ENOENT: no DWARF,
 * or none that libdw takes.
 */
int debuginfo_create(struct elf_file *f, const struct debugfile_place *place,
		     struct debuginfo **ret, struct err *e);
void debuginfo_destroy(struct debuginfo *d);

/**
 * Resolve `n` addresses of the file, ascending and distinct, into ranges[]. Damaged parts are as if
 * they were absent. *frames lives until the next call, names and functions as long as `d`. 0 or
 * -ENOMEM.
 */
int debuginfo_resolve(struct debuginfo *d, const uint64_t *addrs, size_t n,
		      struct debuginfo_range *ranges, const struct debuginfo_frame **frames);
