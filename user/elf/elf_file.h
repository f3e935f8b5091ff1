/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * One ELF file: segments, sections, build ID. Reading is by libelf over pread, never by mapping the
 * file, so that a file truncated meanwhile is an error and not a SIGBUS. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"

#define ELF_BUILD_ID_MAX 64

/** A PT_LOAD segment. */
struct elf_segment {
	uint64_t vaddr, memsz; /* in the file's own address space */
	uint64_t offset, filesz;
	bool executable;
};

/** Bytes of the file at an address; `data` lives as long as the elf_file. */
struct elf_range {
	uint64_t vaddr;
	const uint8_t *data;
	size_t size;
};

struct elf_file {
	struct Elf *elf; /* libelf's handle, for rooms that call libelf or libdw themselves */
	int fd;          /* -1 for an image in memory */
	char *name;      /* for messages */
	uint16_t machine, type; /* EM_*, ET_* */
	uint64_t entry;
	vec_of(struct elf_segment) segments; /* PT_LOAD, in file order */
	uint8_t build_id[ELF_BUILD_ID_MAX];
	size_t build_id_len; /* 0: none */
};

/**
 * Open the file behind `fd`. The descriptor is borrowed: it must stay open as long as *ret. `name`
 * is for messages and copied. -ENOEXEC: no ELF file of this architecture, or a damaged one. *ret is
 * freed with elf_file_close(); untouched on failure.
 */
int elf_file_open_fd(int fd, const char *name, struct elf_file **ret, struct err *e);

/** As elf_file_open_fd(), for an image in memory (the vDSO); the bytes are borrowed. */
int elf_file_open_memory(const void *image, size_t size, const char *name, struct elf_file **ret,
			 struct err *e);

void elf_file_close(struct elf_file *f);

/** The section of that name with contents (no SHT_NOBITS), decompressed if needed; -ENOENT if there
 * is none. */
int elf_file_section(struct elf_file *f, const char *name, struct elf_range *ret, struct err *e);

/**
 * Where .eh_frame is, by section header or, in files without section headers, by PT_GNU_EH_FRAME;
 * the range is then bounded by its segment. -ENOENT if there is none.
 */
int elf_file_eh_frame(struct elf_file *f, struct elf_range *ret, struct err *e);

/** Read `size` bytes at `vaddr` from the segments' file contents; 0, or -ENOENT if they are not all
 * there. */
int elf_file_read(struct elf_file *f, uint64_t vaddr, void *to, size_t size);

/** The PT_LOAD segment that a mapping at file offset `pgoff` shows, preferring executable ones;
 * NULL if none. */
const struct elf_segment *elf_file_segment_at(const struct elf_file *f, uint64_t pgoff);

/** Write the build ID as lowercase hex; "" if there is none. `to` holds at least 2 *
 * ELF_BUILD_ID_MAX + 1. */
void elf_file_build_id_hex(const struct elf_file *f, char *to);
