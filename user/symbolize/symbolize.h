/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Gives the locations of a profile their names: functions, source lines, inlined calls.
 *
 * A location is named by what stands behind its mapping. Its address is looked up as it is: the
 * leaf's is exact, a caller's is its return address - 1 already. What stays without a name is
 * counted by reason. Not thread-safe for one profile.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "profile/profile.h"

enum symbolize_kind {
	SYMBOLIZE_NOTHING, /* memory that is no file: code made at run time */
	SYMBOLIZE_FILE,
	SYMBOLIZE_IMAGE, /* an ELF image in memory: the vDSO */
	SYMBOLIZE_KERNEL,
};

/** What stands behind a mapping. Everything is borrowed, for the call alone. */
struct symbolize_source {
	enum symbolize_kind kind;
	uint64_t bias;     /* address in the profile - address in the file; 0 for the kernel */
	const char *path;  /* FILE: from the target's root; IMAGE: its name; KERNEL: the list of
			      symbols, "/proc/kallsyms" */
	int fd;            /* FILE; mappings with equal fd are resolved together; -1: not opened */
	int root_fd;       /* FILE: directory that is the target's root, or -1 for ours */
	const void *image; /* IMAGE */
	size_t image_size;
};

/** Why a location has no name. */
enum symbolize_reason {
	SYMBOLIZE_NO_MAPPING, /* in no known mapping */
	SYMBOLIZE_NO_FILE,    /* SYMBOLIZE_NOTHING */
	SYMBOLIZE_UNREADABLE, /* the file could not be opened or is no sound ELF file */
	SYMBOLIZE_NO_SYMBOL,  /* nothing in the file covers the address */
	SYMBOLIZE_HIDDEN,     /* the kernel does not tell its symbols: see kernel_err */
	SYMBOLIZE_REASONS,
};

struct symbolize_stats {
	uint64_t named; /* locations */
	uint64_t unnamed[SYMBOLIZE_REASONS];
	struct err kernel_err; /* why HIDDEN, and what to do; code 0: it did not happen */
};

/** A reason in a few lowercase words; static. */
const char *symbolize_reason_text(enum symbolize_reason reason);

/**
 * Name all locations of `p`; sources[i] stands behind p->mappings.items[i], for each of them. Sets
 * lines and functions, with `name` demangled and `system_name` as linked, and the mappings' has_*
 * flags: each is true if at least one location of the mapping has what it says.
 *
 * Equal calls make equal profiles. 0, or -ENOMEM: then the profile is unfit for use.
 */
int symbolize_profile(struct profile *p, const struct symbolize_source *sources,
		      struct symbolize_stats *stats, struct err *e);
