/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * A BPF object embedded in the binary: opened, configured by the names of its constants and maps,
 * and loaded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct bpf_object;

/** Open the object whose bytes lie in [start, end); the caller frees *ret with bpf_object__close().
 */
int bpf_object_open_embedded(const char *name, const void *start, const void *end,
			     struct bpf_object **ret, struct err *e);

/**
 * Set a `const volatile` variable before loading; `size` is its size in C. -ENOENT or -EINVAL if
 * the object has no such variable.
 */
int bpf_object_set_constant(struct bpf_object *object, const char *name, const void *value,
			    size_t size, struct err *e);

#define bpf_object_set(object, name, value, e)                                                     \
	({                                                                                         \
		__typeof__(value) set_value = (value);                                             \
		bpf_object_set_constant(object, name, &set_value, sizeof(set_value), e);           \
	})

/** Whether the running kernel's BTF has a struct of this name. */
bool bpf_kernel_has_struct(const char *name);

/** Load it into the kernel. -EPERM and the like come with what to do, see proc/privilege.h. */
int bpf_object_load(struct bpf_object *object, struct err *e);

/** Map the zero-initialized global variables of the loaded object, shared with BPF. Freed by
 * munmap() of *size bytes; NULL with *e set on failure. */
void *bpf_object_globals(struct bpf_object *object, size_t *size, struct err *e);

/** Where a variable is in those; NULL with *e set if there is none of this size. */
void *bpf_object_variable(struct bpf_object *object, void *globals, const char *name, size_t size,
			  struct err *e);

/** Set the number of entries of a map before loading. */
int bpf_object_set_entries(struct bpf_object *object, const char *map, uint32_t entries,
			   struct err *e);

/** The descriptor of a loaded map or program; the object keeps owning it. Negative errno if there
 * is none. */
int bpf_object_map_fd(struct bpf_object *object, const char *map);
int bpf_object_program_fd(struct bpf_object *object, const char *program);

/** Map all entries of a BPF_F_MMAPABLE array; NULL with *e set on failure, freed by munmap() of
 * *size bytes. */
void *bpf_array_mmap(int fd, size_t entries, size_t value_size, size_t *size, struct err *e);

/** Instructions that the verifier processed to admit a loaded program (5.16), 0 if the kernel does
 * not tell. */
uint32_t bpf_program_verified_insns(int fd);
