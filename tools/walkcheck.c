// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Are our stacks true? Records registers and stack bytes of a running process, walks each by our
 * rows and by libdwfl, and compares frame by frame.
 *
 *     walkcheck PID [STACKS [HZ]]
 *
 * A frame is wrong if libdwfl has another one in its place, or, in a walk that we call complete,
 * has more. Frames that only one of the two finds are counted beside: ours are those behind code
 * without CFI, libdwfl's those of walks that we give up.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "collect/files.h"
#include "proc/maps.h"
#include "unwind/tables.h"
#include "unwind/walk.h"
#include "walkcheck_libdw.h"
#include "walkcheck_perf.h"

#define DIRECTORY_PAGES (1u << 16)
#define STACKS_DEFAULT  2000
#define HZ_DEFAULT      997
#define SECONDS_MAX     60 /* a process that sleeps gives no samples */
#define RELOADS_MAX     50 /* of the mappings, when a walk meets an unknown one */
#define SHOWN_MAX       10 /* wrong frames told in full */

struct check {
	pid_t pid;
	int memory_fd; /* /proc/PID/mem */
	struct unwind_tables *tables;
	struct code_files files;
	struct proc_maps maps;
	vec_of(struct unwind_mapping) mappings;
	struct libdw_walker *libdw;
	unsigned reloads;
	uint64_t stacks, frames, wrong, extra, missing, gave_up;
	uint64_t ends[UNWIND_END_COUNT];
	uint64_t ours[UNWIND_FRAMES_MAX], theirs[UNWIND_FRAMES_MAX];
};

static const char *const end_names[UNWIND_END_COUNT] = {
	[UNWIND_END_COMPLETE] = "complete",
	[UNWIND_END_TRUNCATED] = "too deep",
	[UNWIND_END_NO_PROCESS] = "process not known",
	[UNWIND_END_NO_MAPPING] = "no mapping",
	[UNWIND_END_NO_CFI] = "no CFI",
	[UNWIND_END_BAD_READ] = "cannot read",
	[UNWIND_END_ZERO_RA] = "return address 0",
	[UNWIND_END_STUCK] = "stuck",
	[UNWIND_END_NO_REGISTER] = "register not known",
	[UNWIND_END_EXPRESSION] = "expression",
	[UNWIND_END_SHORT_COPY] = "copy of the stack too short",
	[UNWIND_END_32BIT] = "32 bits",
	[UNWIND_END_NO_REGS] = "no registers",
};

static void *segment_alloc(void *ctx, uint32_t i)
{
	(void)ctx, (void)i;
	return calloc(UNWIND_SEGMENT_ROWS, sizeof(struct unwind_row));
}

/* Code bytes of the process, for code without CFI. */
static int memory_read(void *ctx, uint64_t addr, void *to, uint32_t size)
{
	const struct check *c = ctx;

	return pread(c->memory_fd, to, size, (off_t)addr) == (ssize_t)size ? 0 : -1;
}

/* Take up the process's mappings as they are now. */
static int mappings_load(struct check *c, struct err *e)
{
	int rc = proc_maps_read(&c->maps, c->pid, e);

	if (rc < 0)
		return rc;
	c->mappings.len = 0;
	vec_for_each(m, &c->maps.mappings) {
		if (!(m->flags & PROC_MAPPING_EXEC))
			continue;
		struct code_file *file = code_files_get(&c->files, c->pid, m);
		struct unwind_mapping to = { .start = m->start,
					     .end = m->end,
					     .dir = UNWIND_DIR_NONE };
		if (file) {
			to.file = file->number;
			to.dir = file->dir;
			to.bias = code_file_bias(file, m);
		}
		if (vec_push(&c->mappings, to) < 0)
			return err_set(e, -ENOMEM, "cannot read the mappings");
	}
	libdw_walker_destroy(c->libdw);
	c->libdw = NULL;
	return libdw_walker_create(c->pid, &c->libdw, e);
}

static enum unwind_end walk_natively(struct check *c, const struct stack_sample *sample,
				     size_t *len)
{
	struct unwind_state state = sample->state;
	struct walk_process p = {
		.tables = c->tables,
		.mappings = c->mappings.items,
		.mappings_len = c->mappings.len,
		.stack_addr = sample->state.sp,
		.stack = sample->stack,
		.stack_len = sample->stack_len,
		.read = memory_read,
		.ctx = c,
	};

	*len = 0;
	return walk(&p, &state, c->ours, len, UNWIND_FRAMES_MAX);
}

/* An address in the process as our frames have it. */
static uint64_t frame_of(const struct check *c, uint64_t pc)
{
	for (size_t i = 0; i < c->mappings.len; i++) {
		const struct unwind_mapping *m = &c->mappings.items[i];
		if (pc >= m->start && pc < m->end)
			return m->file == UNWIND_FILE_UNKNOWN
				       ? UNWIND_FRAME_PLAIN | pc
				       : (uint64_t)m->file << UNWIND_FRAME_OFFSET_BITS |
						 ((pc - m->bias) & UNWIND_FRAME_OFFSET_MASK);
	}
	return UNWIND_FRAME_PLAIN | pc;
}

static void frame_print(const struct check *c, uint64_t frame)
{
	const struct code_file *file =
		code_files_at(&c->files, (uint32_t)(frame >> UNWIND_FRAME_OFFSET_BITS));

	printf(" %s+%#llx", file ? file->path : "?", frame & UNWIND_FRAME_OFFSET_MASK);
}

static void wrong_print(const struct check *c, size_t at, uint64_t theirs)
{
	printf("wrong frame %zu behind", at);
	frame_print(c, at ? c->ours[at - 1] : 0);
	printf(": ours");
	frame_print(c, c->ours[at]);
	printf(", libdw's");
	frame_print(c, theirs);
	printf("\n");
}

/* A walk that stopped where libdw went on. */
static void missing_print(const struct check *c, size_t ours, enum unwind_end end)
{
	printf("%s at", end_names[end]);
	frame_print(c, ours ? c->ours[ours - 1] : 0);
	printf(", libdw's next");
	frame_print(c, frame_of(c, c->theirs[ours]));
	printf("\n");
}

static void compare(struct check *c, size_t ours, size_t theirs, enum unwind_end end)
{
	size_t common = ours < theirs ? ours : theirs;

	for (size_t i = 0; i < common; i++) {
		uint64_t frame = frame_of(c, c->theirs[i]);
		if (c->ours[i] == frame)
			continue;
		if (c->wrong < SHOWN_MAX)
			wrong_print(c, i, frame);
		c->wrong++;
	}
	if (ours > common)
		c->extra += ours - common;
	else if (end == UNWIND_END_COMPLETE)
		c->wrong += theirs - common;
	else
		c->missing += theirs - common;
	if (theirs > common && c->gave_up++ < SHOWN_MAX)
		missing_print(c, ours, end);
	c->stacks++;
	c->frames += ours;
	c->ends[end]++;
}

static int sample_check(struct check *c, const struct stack_sample *sample, struct err *e)
{
	size_t ours;
	enum unwind_end end = walk_natively(c, sample, &ours);

	if (end == UNWIND_END_NO_MAPPING && c->reloads < RELOADS_MAX) {
		c->reloads++;
		int rc = mappings_load(c, e);
		if (rc < 0)
			return rc;
		end = walk_natively(c, sample, &ours);
	}
	compare(c, ours, libdw_walker_walk(c->libdw, sample, c->theirs, UNWIND_FRAMES_MAX), end);
	return 0;
}

static int check_open(struct check *c, struct err *e)
{
	struct unwind_memory memory = {
		.rules = calloc(UNWIND_RULES, sizeof(*memory.rules)),
		.pages = calloc(DIRECTORY_PAGES, sizeof(*memory.pages)),
		.pages_len = DIRECTORY_PAGES,
		.segment = segment_alloc,
	};
	char path[32];

	if (!memory.rules || !memory.pages)
		return err_set(e, -ENOMEM, "cannot make the tables");
	int rc = unwind_tables_create(&memory, &c->tables, e);
	if (rc < 0)
		return rc;
	code_files_init(&c->files, c->tables);
	snprintf(path, sizeof(path), "/proc/%d/mem", c->pid);
	c->memory_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (c->memory_fd < 0)
		return err_set(e, -errno, "cannot open '%s'", path);
	return mappings_load(c, e);
}

static int check_run(struct check *c, uint64_t stacks, uint32_t hz, struct err *e)
{
	uint64_t until = clock_mono_ns() + SECONDS_MAX * NS_PER_SEC;
	struct stack_sample sample;
	struct recorder *r;
	int rc = recorder_open(c->pid, hz, &r, e);

	if (rc < 0)
		return rc;
	while (rc == 0 && c->stacks < stacks && clock_mono_ns() < until && kill(c->pid, 0) == 0) {
		if (recorder_next(r, 100, &sample))
			rc = sample_check(c, &sample, e);
	}
	recorder_close(r);
	return rc;
}

static void report_print(const struct check *c)
{
	printf("%lu stacks, %lu frames: %lu wrong (%.4f%%), %lu ours only, %lu libdw's only\n",
	       c->stacks, c->frames, c->wrong, c->frames ? 100.0 * c->wrong / c->frames : 0.0,
	       c->extra, c->missing);
	for (int i = 0; i < UNWIND_END_COUNT; i++)
		if (c->ends[i])
			printf("  %s: %lu\n", end_names[i], c->ends[i]);
}

int main(int argc, char **argv)
{
	static struct check c;
	struct err e = { 0 };

	if (argc < 2 || argc > 4 || (c.pid = atoi(argv[1])) <= 0) {
		fprintf(stderr, "usage: walkcheck PID [STACKS [HZ]]\n");
		return 2;
	}
	uint64_t stacks = argc > 2 ? strtoull(argv[2], NULL, 10) : STACKS_DEFAULT;
	uint32_t hz = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : HZ_DEFAULT;
	int rc = check_open(&c, &e);
	if (rc == 0)
		rc = check_run(&c, stacks, hz ? hz : HZ_DEFAULT, &e);
	report_print(&c);
	if (rc < 0)
		fprintf(stderr, "walkcheck: %s\n", e.msg);
	return rc < 0 || c.stacks == 0 || c.wrong * 1000 > c.frames;
}
