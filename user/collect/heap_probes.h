/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The probes on the targets' allocators: found in each file that a target maps, attached for that
 * target alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "collect/files.h"
#include "collect/processes.h"
#include "collect/uprobe.h"
#include "probe/alloc_probes.h"

struct bpf_object;

/** A file that a target has mapped, asked for its allocator. */
struct heap_probed_file {
	uint32_t number;
	struct elf_file *elf; /* open as long as the names of the probes are needed; NULL: none */
	struct alloc_probes probes; /* none: no allocator */
	char *problem;              /* why an allocator cannot be probed; NULL: nothing to tell */
};

/** What was done about a process; times are CLOCK_MONOTONIC. */
struct heap_look {
	uint64_t read_ns;  /* process.read_ns when its mappings were last looked at */
	uint64_t begun_ns; /* when the program began that was last seen to be probed */
	bool attached;     /* something of it, or of what it was before */
	bool ended;        /* and is counted */
};

/** The probes of one file in one process. */
struct heap_attachment {
	pid_t pid;
	uint32_t file;
	uint64_t since_ns; /* CLOCK_MONOTONIC */
	struct uprobe_links frees, returns, entries;
};

struct heap_probes {
	enum uprobe_kind kind;
	unsigned allocators;       /* bits of enum allocator */
	struct bpf_object *object; /* borrowed */
	vec_of(struct heap_probed_file *) files;
	vec_of(struct heap_attachment) attachments;
	struct uprobe_detaching detaching;
	struct uprobe_links spent; /* of processes that have ended: detached some time */
	struct map looks;          /* u32 pid -> struct heap_look */
	uint64_t started_ns;       /* when what ran already had been probed, CLOCK_MONOTONIC */
	bool paused;               /* allocations are not probed now */
	uint64_t attach_errors;    /* files in processes that could not be probed */
	struct err error;          /* why, the last time */
	uint64_t unprobed; /* processes that ended without, too soon or for want of an allocator */
	uint64_t late;     /* programs that ran already when they were probed, */
	uint64_t late_ns;  /* and for how long at most */
};

/**
 * Make the programs of `object` fit this kind of link; before it is loaded.
 * *h is zeroed storage; heap_probes_deinit() in any case.
 */
int heap_probes_prepare(struct heap_probes *h, struct bpf_object *object, enum uprobe_kind kind,
			unsigned allocators, struct err *e);

/** Attach what the living targets have mapped and is not probed yet; detach what has ended. */
void heap_probes_update(struct heap_probes *h, struct processes *processes,
			const struct code_files *files);

/** Count the processes that have ended unprobed; heap_probes_update() does, too. */
void heap_probes_count_ended(struct heap_probes *h, struct processes *processes,
			     const struct code_files *files);

/** Attach to a file that a process is about to map. 0, -ENOENT if it has no allocator, or another
 * negative errno. */
int heap_probes_attach(struct heap_probes *h, pid_t pid, const struct code_file *file,
		       struct err *e);

/** Attach to a child what its parent has: these files it has mapped, or the program that it
 * executes probably will. Best effort. */
void heap_probes_inherit(struct heap_probes *h, pid_t child, pid_t parent,
			 const struct code_files *files);

/** Take the probes on allocations away, leaving those on frees; and put them back. */
void heap_probes_pause(struct heap_probes *h);
void heap_probes_resume(struct heap_probes *h, const struct code_files *files);

/** Take all probes away; heap_probes_deinit() waits until they are gone. */
void heap_probes_detach(struct heap_probes *h);
void heap_probes_deinit(struct heap_probes *h);

/** The probes of a file; NULL if it has none or was never asked. */
const struct alloc_probes *heap_probes_of(const struct heap_probes *h, uint32_t file);
