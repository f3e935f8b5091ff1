// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "session/locations.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "abi/unwind.h"
#include "profile/build.h"

/* Modules and the kernel's text lie in the top 2 GiB (Documentation/arch/x86/x86_64/mm.rst). */
#define KERNEL_START   0xffffffff80000000ULL
#define KERNEL_LIMIT   0xffffffffff000000ULL
#define KERNEL_NAME    "[kernel.kallsyms]"
#define KERNEL_SYMBOLS "/proc/kallsyms"

/* A mapping of the profile: a range of a file, or the kernel (file 0). */
struct mapping_key {
	uint32_t file, range;
};

void locations_init(struct locations *l, struct profile *p, const struct code_files *files)
{
	*l = (struct locations){ .profile = p, .files = files };
	map_init(&l->mappings, sizeof(struct mapping_key), sizeof(uint32_t));
}

void locations_deinit(struct locations *l)
{
	vec_for_each(source, &l->sources)
		if (source->root_fd >= 0)
			close(source->root_fd);
	vec_deinit(&l->sources);
	vec_deinit(&l->stack);
	map_deinit(&l->mappings);
}

/* The root directory in which a process's files and their debug files lie; -1 if it has ended. */
static int root_open(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* What names the addresses of a mapping; root_fd is the caller's to close. */
static struct symbolize_source source_of(const struct code_file *file, uint32_t range)
{
	struct symbolize_source source = {
		.kind = SYMBOLIZE_KERNEL, .path = KERNEL_SYMBOLS, .fd = -1, .root_fd = -1
	};

	if (!file)
		return source;
	source.path = file->path;
	source.bias = file->ranges.items[range].bias;
	if (file->kind == CODE_FILE_VDSO) {
		source.kind = SYMBOLIZE_IMAGE;
		source.image = file->image;
		source.image_size = file->image_size;
	} else {
		source.kind = SYMBOLIZE_FILE;
		source.fd = file->fd;
		source.root_fd = root_open(file->pid);
	}
	return source;
}

static uint32_t mapping_add(struct locations *l, const struct code_file *file, uint32_t range)
{
	struct mapping_key key = { file ? file->number : 0, range };
	bool added;
	uint32_t *index = map_put(&l->mappings, &key, &added);

	if (!index) {
		l->error = -ENOMEM;
		return PROFILE_NONE;
	}
	if (!added)
		return *index;
	struct profile_mapping m = {
		.start = KERNEL_START,
		.limit = KERNEL_LIMIT,
		.filename = profile_intern_cstr(l->profile, file ? file->path : KERNEL_NAME),
		.build_id = profile_intern_cstr(l->profile, file ? file->build_id : ""),
	};
	if (file) {
		const struct code_range *r = &file->ranges.items[range];
		m.start = r->start;
		m.limit = r->end;
		m.offset = r->pgoff;
	}
	*index = profile_add_mapping(l->profile, &m);
	if (vec_push(&l->sources, source_of(file, range)) < 0)
		l->error = -ENOMEM;
	return *index;
}

static uint32_t range_find(const struct code_file *file, uint64_t vaddr)
{
	vec_for_each(r, &file->ranges)
		if (vaddr + r->bias >= r->start && vaddr + r->bias < r->end)
			return (uint32_t)(r - file->ranges.items);
	return 0;
}

static uint32_t location_add(struct locations *l, uint64_t frame)
{
	uint32_t number = (uint32_t)(frame >> UNWIND_FRAME_OFFSET_BITS);

	if ((frame & UNWIND_FRAME_KERNEL) == UNWIND_FRAME_KERNEL)
		return profile_add_location(l->profile, mapping_add(l, NULL, 0), frame);
	const struct code_file *file = code_files_at(l->files, number);
	if (!file || file->ranges.len == 0)
		return profile_add_location(l->profile, PROFILE_NONE,
					    frame & UNWIND_FRAME_PLAIN_MASK);
	uint64_t vaddr = frame & UNWIND_FRAME_OFFSET_MASK;
	uint32_t range = range_find(file, vaddr);
	return profile_add_location(l->profile, mapping_add(l, file, range),
				    vaddr + file->ranges.items[range].bias);
}

void locations_add_file(struct locations *l, const struct code_file *file)
{
	for (uint32_t i = 0; i < file->ranges.len; i++)
		mapping_add(l, file, i);
}

const uint32_t *locations_of(struct locations *l, const struct stacks *stacks,
			     const struct sample_stack *stack, size_t *len)
{
	const uint64_t *frames = stacks->frames.items + stack->start;

	l->stack.len = 0;
	for (uint32_t i = 0; i < stack->len; i++) {
		/* The kernel's own callers come as return addresses; the user's are addresses of
		 * calls already. */
		uint64_t frame = frames[i] - (i > 0 && i < stack->kernel_len);
		if (vec_push(&l->stack, location_add(l, frame)) < 0)
			l->error = -ENOMEM;
	}
	*len = l->stack.len;
	return l->stack.items;
}

int locations_symbolize(struct locations *l, bool symbols, struct symbolize_stats *stats,
			struct err *e)
{
	*stats = (struct symbolize_stats){ 0 };
	if (l->error)
		return err_set(e, l->error, "cannot build the profile");
	return symbols ? symbolize_profile(l->profile, l->sources.items, stats, e) : 0;
}
