// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "session/cpu_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/map.h"
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

struct builder {
	const struct cpu_profile_options *o;
	const struct code_files *files;
	const struct samples *samples;
	struct profile *profile;
	struct map mappings; /* struct mapping_key -> index in the profile */
	struct map lines;    /* struct sample_key without what is not shown -> struct cpu_value */
	vec_of(struct symbolize_source) sources; /* what stands behind each mapping */
	bool label_pid;
	vec_of(uint32_t) stack;
	int error; /* sticky */
};

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

static uint32_t mapping_add(struct builder *b, const struct code_file *file, uint32_t range)
{
	struct mapping_key key = { file ? file->number : 0, range };
	bool added;
	uint32_t *index = map_put(&b->mappings, &key, &added);

	if (!index) {
		b->error = -ENOMEM;
		return PROFILE_NONE;
	}
	if (!added)
		return *index;
	struct profile_mapping m = {
		.start = KERNEL_START,
		.limit = KERNEL_LIMIT,
		.filename = profile_intern_cstr(b->profile, file ? file->path : KERNEL_NAME),
		.build_id = profile_intern_cstr(b->profile, file ? file->build_id : ""),
	};
	if (file) {
		const struct code_range *r = &file->ranges.items[range];
		m.start = r->start;
		m.limit = r->end;
		m.offset = r->pgoff;
	}
	*index = profile_add_mapping(b->profile, &m);
	if (vec_push(&b->sources, source_of(file, range)) < 0)
		b->error = -ENOMEM;
	return *index;
}

static uint32_t range_find(const struct code_file *file, uint64_t vaddr)
{
	vec_for_each(r, &file->ranges)
		if (vaddr + r->bias >= r->start && vaddr + r->bias < r->end)
			return (uint32_t)(r - file->ranges.items);
	return 0;
}

static uint32_t location_add(struct builder *b, uint64_t frame)
{
	uint32_t number = (uint32_t)(frame >> UNWIND_FRAME_OFFSET_BITS);

	if ((frame & UNWIND_FRAME_KERNEL) == UNWIND_FRAME_KERNEL)
		return profile_add_location(b->profile, mapping_add(b, NULL, 0), frame);
	const struct code_file *file = code_files_at(b->files, number);
	if (!file || file->ranges.len == 0)
		return profile_add_location(b->profile, PROFILE_NONE,
					    frame & UNWIND_FRAME_PLAIN_MASK);
	uint64_t vaddr = frame & UNWIND_FRAME_OFFSET_MASK;
	uint32_t range = range_find(file, vaddr);
	return profile_add_location(b->profile, mapping_add(b, file, range),
				    vaddr + file->ranges.items[range].bias);
}

static struct profile_label label_make(struct builder *b, const char *key, const char *value)
{
	return (struct profile_label){
		.key = profile_intern_cstr(b->profile, key),
		.str = profile_intern_cstr(b->profile, value),
	};
}

static size_t labels_make(struct builder *b, const struct sample_key *key, struct profile_label *to)
{
	char text[COMM_SIZE + 1];
	size_t n = 0;

	if (b->label_pid) {
		snprintf(text, sizeof(text), "%u", key->tgid);
		to[n++] = label_make(b, "pid", text);
	}
	if (b->o->label_tid) {
		snprintf(text, sizeof(text), "%u", key->tid);
		to[n++] = label_make(b, "tid", text);
	}
	if (b->o->label_thread && key->comm[0]) {
		snprintf(text, sizeof(text), "%.*s", COMM_SIZE, key->comm);
		to[n++] = label_make(b, "thread", text);
	}
	if (b->o->label_cpu) {
		snprintf(text, sizeof(text), "%u", key->cpu);
		to[n++] = label_make(b, "cpu", text);
	}
	return n;
}

static void sample_add(struct builder *b, const struct sample_key *key, const struct cpu_value *value)
{
	const struct sample_stack *stack = samples_stack(b->samples, key);
	const uint64_t *frames = b->samples->stacks.frames.items + stack->start;
	struct profile_label labels[4];
	int64_t values[] = { (int64_t)value->samples, (int64_t)value->ns };

	b->stack.len = 0;
	for (uint32_t i = 0; i < stack->len; i++) {
		/* The kernel's own callers come as return addresses; the user's are addresses of
		 * calls already. */
		uint64_t frame = frames[i] - (i > 0 && i < stack->kernel_len);
		if (vec_push(&b->stack, location_add(b, frame)) < 0)
			b->error = -ENOMEM;
	}
	profile_add_sample(b->profile, b->stack.items, b->stack.len, values, labels,
			   labels_make(b, key, labels));
}

/* Samples that the profile does not tell apart become one: how a walk ended is no part of it. */
static void lines_merge(struct builder *b)
{
	for (size_t i = 0; i < b->samples->counts.len; i++) {
		struct sample_key key = *(const struct sample_key *)map_key_at(&b->samples->counts, i);
		const struct cpu_value *value = map_value_at(&b->samples->counts, i);
		key.end = key.user = 0;
		if (!b->label_pid)
			key.tgid = 0;
		struct cpu_value *sum = map_put(&b->lines, &key, NULL);
		if (!sum) {
			b->error = -ENOMEM;
			return;
		}
		sum->samples += value->samples;
		sum->ns += value->ns;
	}
}

static bool several_processes(const struct samples *samples)
{
	uint32_t first = 0;

	for (size_t i = 0; i < samples->counts.len; i++) {
		const struct sample_key *key = map_key_at(&samples->counts, i);
		if (first && key->tgid != first)
			return true;
		first = key->tgid;
	}
	return false;
}

/* The executable with most samples; that of the first process if there are no samples. */
static const struct code_file *main_file(struct builder *b, struct processes *processes)
{
	struct map by_file;
	uint64_t most = 0;
	uint32_t best = 0;

	map_init(&by_file, sizeof(uint32_t), sizeof(uint64_t));
	for (size_t i = 0; i < b->samples->counts.len; i++) {
		const struct sample_key *key = map_key_at(&b->samples->counts, i);
		const struct cpu_value *value = map_value_at(&b->samples->counts, i);
		const struct process *p = processes_find(processes, (pid_t)key->tgid);
		uint64_t *sum = p && p->exe ? map_put(&by_file, &p->exe, NULL) : NULL;
		if (!sum)
			continue;
		*sum += value->samples;
		if (*sum > most) {
			most = *sum;
			best = p->exe;
		}
	}
	map_deinit(&by_file);
	for (size_t i = 0; best == 0 && i < processes->by_pid.len; i++)
		best = (*(struct process **)map_value_at(&processes->by_pid, i))->exe;
	return code_files_at(b->files, best);
}

static void builder_run(struct builder *b, struct cpu_collector *c)
{
	struct profile *p = b->profile;

	profile_add_sample_type(p, "samples", "count");
	profile_add_sample_type(p, "cpu", "nanoseconds");
	profile_set_period(p, "cpu", "nanoseconds", (int64_t)(NS_PER_SEC / b->o->hz));
	b->label_pid = b->o->label_pid || several_processes(b->samples);
	const struct code_file *first = main_file(b, &cpu_collector_follow(c)->processes);
	for (uint32_t i = 0; first && i < first->ranges.len; i++)
		mapping_add(b, first, i);
	lines_merge(b);
	for (size_t i = 0; b->error == 0 && i < b->lines.len; i++)
		sample_add(b, map_key_at(&b->lines, i), map_value_at(&b->lines, i));
}

static void builder_deinit(struct builder *b)
{
	vec_for_each(source, &b->sources)
		if (source->root_fd >= 0)
			close(source->root_fd);
	vec_deinit(&b->sources);
	vec_deinit(&b->stack);
	map_deinit(&b->mappings);
	map_deinit(&b->lines);
}

int cpu_profile_build(const struct cpu_profile_options *o, struct cpu_collector *c,
		      struct profile **ret, struct symbolize_stats *stats, struct err *e)
{
	_cleanup_profile_ struct profile *p = profile_create();
	struct builder b = {
		.o = o,
		.files = &cpu_collector_follow(c)->files,
		.samples = cpu_collector_samples(c),
		.profile = p,
	};
	int rc = 0;

	if (!p)
		return err_set(e, -ENOMEM, "cannot build the profile");
	*stats = (struct symbolize_stats){ 0 };
	map_init(&b.mappings, sizeof(struct mapping_key), sizeof(uint32_t));
	map_init(&b.lines, sizeof(struct sample_key), sizeof(struct cpu_value));
	builder_run(&b, c);
	if (b.error)
		rc = err_set(e, b.error, "cannot build the profile");
	else if (o->symbols)
		rc = symbolize_profile(p, b.sources.items, stats, e);
	builder_deinit(&b);
	if (rc == 0)
		*ret = steal(p);
	return rc;
}
