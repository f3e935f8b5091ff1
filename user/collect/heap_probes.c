// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/heap_probes.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "collect/bpf_object.h"

/* Links of processes that have ended; each makes the others' hits a little dearer. */
#define SPENT_MAX 64

/* What is seen of the end of a call. */
enum end { END_NONE, END_RETURN, END_EXITS };

/* The programs of heap.bpf.c by what a probe is. */
static const struct heap_program {
	enum alloc_call call;
	enum end end;
	bool passes_on, jumps;
	const char *name;
} programs[] = {
	{ ALLOC_SIZE0, END_RETURN, false, false, "heap_size0" },
	{ ALLOC_SIZE0, END_RETURN, false, true, "heap_size0_jumps" },
	{ ALLOC_SIZE0, END_EXITS, false, false, "heap_size0_exits" },
	{ ALLOC_SIZE0, END_NONE, false, false, "heap_size0_only" },
	{ ALLOC_CALLOC, END_RETURN, false, false, "heap_calloc" },
	{ ALLOC_SIZE1, END_RETURN, false, false, "heap_size1" },
	{ ALLOC_SIZE1, END_RETURN, false, true, "heap_size1_jumps" },
	{ ALLOC_SIZE1, END_RETURN, true, false, "heap_size1_passes" },
	{ ALLOC_SIZE1, END_RETURN, true, true, "heap_size1_passes_jumps" },
	{ ALLOC_POSIX_MEMALIGN, END_RETURN, false, false, "heap_posix_memalign" },
	{ ALLOC_REALLOC, END_RETURN, false, false, "heap_realloc" },
	{ ALLOC_REALLOC, END_RETURN, true, false, "heap_realloc_passes" },
	{ ALLOC_REALLOCARRAY, END_RETURN, false, false, "heap_reallocarray" },
	{ ALLOC_REALLOCARRAY, END_RETURN, true, false, "heap_reallocarray_passes" },
};

/* ---- Programs ------------------------------------------------------------------------------ */

/* The link of a program: where there are sessions, those that see one end alone need none. */
static enum uprobe_kind program_kind(const struct heap_probes *h, const char *name)
{
	static const char *const one_end[] = {
		"heap_free",        "heap_return", "heap_size0_only",
		"heap_size0_exits", "heap_exit",   "heap_record_only"
	};

	for (size_t i = 0; h->kind == UPROBE_SESSION && i < ARRAY_SIZE(one_end); i++)
		if (strcmp(name, one_end[i]) == 0)
			return UPROBE_MULTI;
	return h->kind;
}

int heap_probes_prepare(struct heap_probes *h, struct bpf_object *object, enum uprobe_kind kind,
			unsigned allocators, struct err *e)
{
	bool sessions = kind == UPROBE_SESSION;
	struct bpf_program *program;

	h->kind = kind;
	h->allocators = allocators;
	h->object = object;
	map_init(&h->looks, sizeof(uint32_t), sizeof(struct heap_look));
	bpf_object__for_each_program(program, object)
	{
		const char *name = bpf_program__name(program);

		if (strncmp(name, "heap_", 5) != 0)
			continue;
		int type = uprobe_expected_attach_type(program_kind(h, name));
		int rc = bpf_program__set_expected_attach_type(program, (enum bpf_attach_type)type);
		if (rc == 0 && sessions && strcmp(name, "heap_return") == 0)
			rc = bpf_program__set_autoload(program, false);
		if (rc < 0)
			return err_set(e, rc, "BPF program '%s'", name);
	}
	return bpf_object_set(object, "sessions", sessions, e);
}

/* ---- Files --------------------------------------------------------------------------------- */

static void probed_file_free(struct heap_probed_file *f)
{
	alloc_probes_deinit(&f->probes);
	elf_file_close(f->elf);
	free(f->problem);
	free(f);
}

/* Look for an allocator; one that is there and cannot be probed is a problem to tell. */
static void probed_file_find(struct heap_probed_file *f, const struct code_file *code,
			     unsigned allocators)
{
	struct err e = { 0 };

	if (code->kind != CODE_FILE_ELF || code->fd < 0)
		return;
	int rc = elf_file_open_fd(code->fd, code->path, &f->elf, &e);
	if (rc == 0)
		rc = alloc_probes_find(f->elf, allocators, &f->probes, &e);
	if (rc < 0 && rc != -ENOENT)
		f->problem = strdup(e.msg);
	if (rc < 0) {
		elf_file_close(f->elf);
		f->elf = NULL;
	}
}

static struct heap_probed_file *probed_file_get(struct heap_probes *h, const struct code_file *code)
{
	vec_for_each(f, &h->files)
		if ((*f)->number == code->number)
			return *f;
	struct heap_probed_file *f = calloc(1, sizeof(*f));
	if (!f || vec_push(&h->files, f) < 0) {
		free(f);
		return NULL;
	}
	f->number = code->number;
	probed_file_find(f, code, h->allocators);
	return f;
}

const struct alloc_probes *heap_probes_of(const struct heap_probes *h, uint32_t file)
{
	vec_for_each(f, &h->files)
		if ((*f)->number == file && (*f)->probes.items.len)
			return &(*f)->probes;
	return NULL;
}

/* ---- Attaching ----------------------------------------------------------------------------- */

static const struct heap_program *program_find(const struct alloc_probe *probe, bool passes_on,
					       bool jumps)
{
	enum end end = probe->returns ? END_RETURN : probe->exits ? END_EXITS : END_NONE;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (programs[i].call == probe->call && programs[i].end == end &&
		    programs[i].passes_on == passes_on && programs[i].jumps == jumps)
			return &programs[i];
	return NULL;
}

/*
 * The program for a probe, NULL if there is none. posix_memalign stores what it gets: it passes on
 * by a call, and can count that itself. Without a program for the jumps of a call these count twice
 * where the first one is not sampled.
 */
static const struct heap_program *program_of(const struct alloc_probe *probe)
{
	bool passes_on = probe->passes_on && probe->call != ALLOC_POSIX_MEMALIGN;
	const struct heap_program *p = program_find(probe, passes_on, probe->jumps);

	return p ? p : program_find(probe, passes_on, false);
}

static bool probe_is_free(const struct alloc_probe *probe, const void *unused)
{
	(void)unused;
	return probe->call == ALLOC_FREE;
}

static bool probe_returns(const struct alloc_probe *probe, const void *unused)
{
	(void)unused;
	return probe->call != ALLOC_FREE && probe->returns;
}

static bool probe_is_programs(const struct alloc_probe *probe, const void *program)
{
	return probe->call != ALLOC_FREE && program_of(probe) == program;
}

/* Attach one program to all places that a test chooses; none is no error. */
static int program_attach(struct heap_probes *h, struct uprobe_links *links, const char *name,
			  bool is_return, pid_t pid, const struct code_file *code,
			  const struct alloc_probes *probes,
			  bool (*chosen)(const struct alloc_probe *, const void *), const void *ctx,
			  struct err *e)
{
	vec_of(uint64_t) offsets = { 0 };
	int rc = 0;

	vec_for_each(probe, &probes->items)
		if (chosen(probe, ctx) && (rc = vec_push(&offsets, probe->offset)) < 0)
			break;
	if (rc == 0 && offsets.len)
		rc = uprobe_attach(links, program_kind(h, name),
				   bpf_object_program_fd(h->object, name), is_return, pid, code->fd,
				   offsets.items, offsets.len, e);
	vec_deinit(&offsets);
	return rc;
}

static int exits_attach(struct heap_probes *h, struct heap_attachment *a,
			const struct code_file *code, const struct alloc_probes *probes,
			struct err *e)
{
	vec_of(uint64_t) offsets = { 0 };
	int rc = 0;

	vec_for_each(exit, &probes->exits)
		if ((rc = vec_push(&offsets, exit->offset)) < 0)
			break;
	if (rc == 0 && offsets.len)
		rc = uprobe_attach(&a->returns, program_kind(h, "heap_exit"),
				   bpf_object_program_fd(h->object, "heap_exit"), false, a->pid,
				   code->fd, offsets.items, offsets.len, e);
	vec_deinit(&offsets);
	return rc;
}

static int attachment_attach_allocs(struct heap_probes *h, struct heap_attachment *a,
				    const struct code_file *code, const struct alloc_probes *probes,
				    struct err *e)
{
	int rc = exits_attach(h, a, code, probes, e);

	if (rc == 0 && h->kind != UPROBE_SESSION)
		rc = program_attach(h, &a->returns, "heap_return", true, a->pid, code, probes,
				    probe_returns, NULL, e);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(programs); i++) {
		const struct heap_program *p = &programs[i];
		rc = program_attach(h, &a->entries, p->name, false, a->pid, code, probes,
				    probe_is_programs, p, e);
	}
	return rc;
}

/* Frees before allocations: what is allocated from now on must not be freed unseen. */
static int attachment_attach(struct heap_probes *h, struct heap_attachment *a,
			     const struct code_file *code, const struct alloc_probes *probes,
			     struct err *e)
{
	int rc = program_attach(h, &a->frees, "heap_free", false, a->pid, code, probes,
				probe_is_free, NULL, e);

	if (rc == 0 && !h->paused)
		rc = attachment_attach_allocs(h, a, code, probes, e);
	return rc;
}

static void attachment_empty(struct heap_attachment *a, struct uprobe_links *to)
{
	uprobe_links_move(to, &a->entries);
	uprobe_links_move(to, &a->returns);
	uprobe_links_move(to, &a->frees);
}

static struct heap_look *look_at(struct heap_probes *h, pid_t pid)
{
	uint32_t key = (uint32_t)pid;

	return map_put(&h->looks, &key, NULL);
}

static bool is_attached(const struct heap_probes *h, pid_t pid, uint32_t file)
{
	vec_for_each(a, &h->attachments)
		if (a->pid == pid && a->file == file)
			return true;
	return false;
}

int heap_probes_attach(struct heap_probes *h, pid_t pid, const struct code_file *code,
		       struct err *e)
{
	if (is_attached(h, pid, code->number))
		return 0;
	struct heap_probed_file *f = probed_file_get(h, code);
	if (!f)
		return err_set(e, -ENOMEM, "cannot probe process %d", pid);
	if (f->probes.items.len == 0)
		return -ENOENT;
	struct heap_attachment a = { .pid = pid, .file = code->number };
	struct heap_look *look = look_at(h, pid);
	int rc = look ? attachment_attach(h, &a, code, &f->probes, e)
		      : err_set(e, -ENOMEM, "cannot probe process %d", pid);
	a.since_ns = clock_mono_ns();
	if (rc == 0)
		rc = vec_push(&h->attachments, a);
	if (rc == 0)
		look->attached = true;
	if (rc < 0) {
		attachment_empty(&a, &h->spent);
		uprobe_detach(&h->spent);
	}
	return rc;
}

void heap_probes_inherit(struct heap_probes *h, pid_t child, pid_t parent,
			 const struct code_files *files)
{
	/* What is added is behind them. */
	for (size_t i = 0, n = h->attachments.len; i < n; i++) {
		if (h->attachments.items[i].pid != parent)
			continue;
		uint32_t file = h->attachments.items[i].file;
		heap_probes_attach(h, child, code_files_at(files, file), NULL);
	}
}

static void process_update(struct heap_probes *h, const struct process *p,
			   const struct code_files *files)
{
	for (size_t i = 0; i < p->mappings.len; i++) {
		const struct code_file *code = code_files_at(files, p->mappings.items[i].file);
		struct err e = { 0 };
		int rc = code ? heap_probes_attach(h, p->pid, code, &e) : 0;

		/* One that is gone by now is no loss. */
		if (rc < 0 && rc != -ENOENT && rc != -ESRCH) {
			h->attach_errors++;
			h->error = e;
		}
	}
}

static void attachment_remove(struct heap_probes *h, size_t i)
{
	attachment_empty(&h->attachments.items[i], &h->spent);
	h->attachments.items[i] = h->attachments.items[--h->attachments.len];
}

/* When the allocator was probed that a process has mapped; 0: it was not, or none is mapped. */
static uint64_t process_probed_ns(const struct heap_probes *h, const struct process *p)
{
	uint64_t first_ns = 0;

	vec_for_each(a, &h->attachments) {
		if (a->pid != p->pid || (first_ns && first_ns <= a->since_ns))
			continue;
		vec_for_each(m, &p->mappings)
			if (m->file == a->file)
				first_ns = a->since_ns;
	}
	return first_ns;
}

/* When the program began that the process runs, or that it was forked in. */
static uint64_t process_begun_ns(const struct process *p)
{
	return p->history.exec_ns ? p->history.exec_ns : p->history.base_ns;
}

/* Is its program probed, and did it run until then? */
static bool process_judge(struct heap_probes *h, const struct process *p, struct heap_look *look)
{
	uint64_t begun_ns = process_begun_ns(p), probed_ns;

	if (look->begun_ns && look->begun_ns == begun_ns)
		return true;
	probed_ns = process_probed_ns(h, p);
	if (!probed_ns)
		return false;
	look->begun_ns = begun_ns;
	if (!h->started_ns || begun_ns < h->started_ns || probed_ns < begun_ns)
		return true;
	h->late++;
	if (h->late_ns < probed_ns - begun_ns)
		h->late_ns = probed_ns - begun_ns;
	return true;
}

static bool maps_allocator(struct heap_probes *h, const struct process *p,
			   const struct code_files *files)
{
	vec_for_each(m, &p->mappings) {
		const struct code_file *code = code_files_at(files, m->file);
		const struct heap_probed_file *f = code ? probed_file_get(h, code) : NULL;

		if (f && f->probes.items.len)
			return true;
	}
	return false;
}

/*
 * What was attached before an exec serves the next program too, if that maps the same files. Which
 * ones it mapped may not be known of one that ended at once: then it counts as unprobed.
 */
static void process_ended(struct heap_probes *h, const struct process *p, struct heap_look *look,
			  const struct code_files *files)
{
	if (look->ended)
		return;
	look->ended = true;
	if (look->attached && process_judge(h, p, look))
		return;
	bool executed = p->history.exec_ns && (p->mappings.len == 0 || maps_allocator(h, p, files));
	h->unprobed += !look->attached || executed;
}

static void attachments_end(struct heap_probes *h, struct processes *processes)
{
	for (size_t i = 0; i < h->attachments.len;) {
		const struct process *p = processes_find(processes, h->attachments.items[i].pid);
		if (p && !p->alive)
			attachment_remove(h, i);
		else
			i++;
	}
	if (h->spent.fds.len > SPENT_MAX)
		uprobe_detach(&h->spent);
}

void heap_probes_count_ended(struct heap_probes *h, struct processes *processes,
			     const struct code_files *files)
{
	for (size_t i = 0; i < processes->by_pid.len; i++) {
		const struct process *p = *(struct process **)map_value_at(&processes->by_pid, i);
		struct heap_look *look = p->target && !p->alive ? look_at(h, p->pid) : NULL;

		if (look)
			process_ended(h, p, look, files);
	}
}

void heap_probes_update(struct heap_probes *h, struct processes *processes,
			const struct code_files *files)
{
	heap_probes_count_ended(h, processes, files);
	attachments_end(h, processes);
	for (size_t i = 0; i < processes->by_pid.len; i++) {
		const struct process *p = *(struct process **)map_value_at(&processes->by_pid, i);
		struct heap_look *look = p->alive && p->target ? look_at(h, p->pid) : NULL;

		if (!look || (look->read_ns == p->read_ns && !look->ended))
			continue;
		if (look->ended)
			*look = (struct heap_look){ 0 };
		look->read_ns = p->read_ns;
		process_update(h, p, files);
		process_judge(h, p, look);
	}
	if (!h->started_ns)
		h->started_ns = clock_mono_ns();
}

void heap_probes_pause(struct heap_probes *h)
{
	h->paused = true;
	vec_for_each(a, &h->attachments) {
		uprobe_links_move(&h->spent, &a->entries);
		uprobe_links_move(&h->spent, &a->returns);
	}
	uprobe_detach(&h->spent);
}

void heap_probes_resume(struct heap_probes *h, const struct code_files *files)
{
	h->paused = false;
	vec_for_each(a, &h->attachments) {
		const struct alloc_probes *probes = heap_probes_of(h, a->file);
		const struct code_file *code = code_files_at(files, a->file);
		struct err e = { 0 };
		int rc = attachment_attach_allocs(h, a, code, probes, &e);

		if (rc < 0 && rc != -ESRCH) {
			h->attach_errors++;
			h->error = e;
		}
	}
}

void heap_probes_detach(struct heap_probes *h)
{
	vec_for_each(a, &h->attachments)
		attachment_empty(a, &h->spent);
	uprobe_detach_start(&h->detaching, &h->spent);
}

void heap_probes_deinit(struct heap_probes *h)
{
	heap_probes_detach(h);
	uprobe_detach_finish(&h->detaching);
	vec_for_each(f, &h->files)
		probed_file_free(*f);
	vec_deinit(&h->files);
	vec_deinit(&h->attachments);
	map_deinit(&h->looks);
}
