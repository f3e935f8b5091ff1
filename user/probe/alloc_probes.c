// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "probe/alloc_probes.h"

#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/exits.h"
#include "probe/insn.h"
#include "probe/paths.h"
#include "probe/place.h"

#define ALIGNMENT_ANY 16 /* of every block: psABI, alignof(max_align_t) */

static const char *const allocator_names[] = {
	[ALLOCATOR_GLIBC] = "glibc",       [ALLOCATOR_MUSL] = "musl",
	[ALLOCATOR_JEMALLOC] = "jemalloc", [ALLOCATOR_TCMALLOC] = "tcmalloc",
	[ALLOCATOR_MIMALLOC] = "mimalloc", [ALLOCATOR_CUSTOM] = "custom",
};

/* Where the arguments of each call are. */
static const uint16_t arguments[] = {
	[ALLOC_SIZE0] = 1u << REG_RDI,
	[ALLOC_CALLOC] = 1u << REG_RDI | 1u << REG_RSI,
	[ALLOC_SIZE1] = 1u << REG_RDI | 1u << REG_RSI,
	[ALLOC_POSIX_MEMALIGN] = 1u << REG_RDI | 1u << REG_RSI | 1u << REG_RDX,
	[ALLOC_REALLOC] = 1u << REG_RDI | 1u << REG_RSI,
	[ALLOC_REALLOCARRAY] = 1u << REG_RDI | 1u << REG_RSI | 1u << REG_RDX,
	[ALLOC_FREE] = 1u << REG_RDI,
};

struct finding {
	struct elf_file *file;
	struct code *code;
	struct calls *calls;
	struct alloc_functions functions;
	struct landings landings;
	struct alloc_probes *to;
};

const char *allocator_name(enum allocator a)
{
	return allocator_names[a];
}

void allocators_format(unsigned set, char *to, size_t size)
{
	size_t len = 0;

	to[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(allocator_names); i++)
		if (set >> i & 1 && len < size)
			len += (size_t)snprintf(to + len, size - len, "%s%s", len ? ", " : "",
						allocator_names[i]);
}

int allocators_parse(const char *list, unsigned *ret, struct err *e)
{
	unsigned set = 0;

	for (const char *at = list;; at++) {
		size_t len = strcspn(at, ","), a = 0;

		while (a < ARRAY_SIZE(allocator_names) &&
		       (strlen(allocator_names[a]) != len ||
			memcmp(allocator_names[a], at, len) != 0))
			a++;
		if (a == ARRAY_SIZE(allocator_names))
			return err_plain(e, -EINVAL,
					 "'%.*s' is no allocator that is known: glibc, musl, "
					 "jemalloc, tcmalloc, mimalloc, custom",
					 (int)len, at);
		set |= 1u << a;
		at += len;
		if (*at == '\0')
			break;
	}
	*ret = set;
	return 0;
}

bool alloc_probes_any(struct elf_file *f)
{
	return alloc_functions_any(f);
}

static int skip_add(struct finding *f, const struct alloc_function *function, const char *why)
{
	struct alloc_skip skip = { .name = function->name, .entry = function->entry, .why = why };

	return vec_push(&f->to->skips, skip);
}

/* Which register tells the case in which a function may leave its work to another, and up to
 * which value. */
static enum reg case_of(const struct alloc_function *function, uint64_t *max)
{
	*max = ALIGNMENT_ANY;
	switch (function->what.call) {
	case ALLOC_REALLOC:
	case ALLOC_REALLOCARRAY:
		*max = 0;
		return REG_RDI;
	case ALLOC_SIZE1:
		return function->what.alignment ? REG_RDI : REG_NONE;
	case ALLOC_POSIX_MEMALIGN:
		return REG_RSI;
	default:
		return REG_NONE;
	}
}

/* What the function leaves to others. */
static int inner_find(struct finding *f, const struct alloc_function *function,
		      const struct paths_answer *all, struct alloc_probe *probe)
{
	struct paths_question q = { .function = function };
	struct paths_answer answer;
	uint64_t max;

	q.reg = case_of(function, &max);
	probe->nests = all->reaches && function->what.call != ALLOC_FREE;
	probe->jumps = probe->nests && all->jumps;
	if (!probe->nests || q.reg == REG_NONE)
		return 0;
	q.max = max;
	int rc = paths_follow(f->code, f->calls, &q, &answer);
	probe->passes_on = rc == 0 && answer.left;
	if (!probe->passes_on)
		return rc;
	q.min = max + 1;
	q.max = UINT64_MAX;
	rc = paths_follow(f->code, f->calls, &q, &answer);
	probe->nests = answer.reaches;
	probe->jumps = answer.jumps;
	return rc;
}

/* Why a return probe is out of the question; NULL if it is not. */
static const char *return_forbidden(struct finding *f, const struct alloc_function *function,
				    const struct paths_answer *all)
{
	if (function->what.call == ALLOC_FREE)
		return "a free returns nothing";
	if (function->what.throws)
		return "operator new may throw, or calls a new handler that does";
	if (all->throws || paths_throw(f->code, f->calls, function))
		return "its code throws";
	return NULL;
}

static uint64_t file_offset(const struct elf_file *f, uint64_t vaddr)
{
	for (size_t i = 0; i < f->segments.len; i++) {
		const struct elf_segment *s = &f->segments.items[i];
		if (s->executable && vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz)
			return vaddr - s->vaddr + s->offset;
	}
	return 0;
}

static int exit_add(struct finding *f, uint64_t vaddr, const struct alloc_probe *probe)
{
	struct alloc_exit exit = {
		.vaddr = vaddr,
		.offset = file_offset(f->file, vaddr),
		.name = probe->name,
		.entry = probe->entry,
	};

	vec_for_each(known, &f->to->exits)
		if (known->vaddr == vaddr)
			return 0;
	return vec_push(&f->to->exits, exit);
}

/* Of a function that allocates and may throw: its exits in place of its return. */
static int probe_exits(struct finding *f, struct alloc_probe *probe)
{
	struct exits exits = { 0 };
	int rc = 0;

	if (probe->no_return && probe->call == ALLOC_SIZE0)
		rc = exits_find(f->code, f->calls, probe->entry, &exits);
	probe->exits = rc == 1;
	if (rc == 1)
		rc = 0;
	for (size_t i = 0; i < exits.items.len && rc == 0; i++)
		rc = exit_add(f, exits.items.items[i], probe);
	vec_deinit(&exits.items);
	return rc;
}

/* All but the place, which takes a search for all functions at once. */
static int function_judge(struct finding *f, const struct alloc_function *function)
{
	struct paths_question q = { .function = function, .reg = REG_NONE };
	struct paths_answer all;
	int rc = paths_follow(f->code, f->calls, &q, &all);

	if (rc < 0)
		return rc;
	if (all.left)
		return skip_add(f, function, "leaves the work to another that is probed");
	struct alloc_probe probe = {
		.allocator = function->allocator,
		.call = function->what.call,
		.name = function->name,
		.entry = function->entry,
		.end = function->end,
		.no_return = return_forbidden(f, function, &all),
	};
	/* What only has an entry must at least tell its size by one register. */
	if (probe.no_return && probe.call != ALLOC_SIZE0 && probe.call != ALLOC_FREE)
		return skip_add(f, function, probe.no_return);
	rc = inner_find(f, function, &all, &probe);
	if (rc == 0)
		rc = probe_exits(f, &probe);
	if (rc == 0)
		rc = vec_push(&f->to->items, probe);
	if (rc == 0)
		rc = vec_push(&f->landings.entries, function->entry);
	return rc;
}

/* The place for one function; false: no probe can be there. */
static bool probe_place(struct finding *f, struct alloc_probe *p)
{
	struct place_question q = {
		.entry = p->entry,
		.end = p->end,
		.arguments = arguments[p->call],
		.stack = !p->no_return || p->exits,
		.moved = REG_NONE,
		.null_harmless = p->call == ALLOC_FREE,
	};
	struct place place, moved;

	if (!place_find(f->code, &f->landings, &q, &place))
		return false;
	q.moved = REG_RSI;
	if (!place.emulated && p->call == ALLOC_SIZE0 && !p->no_return &&
	    place_find(f->code, &f->landings, &q, &moved) && moved.emulated) {
		p->call = ALLOC_SIZE1;
		place = moved;
		place.why = "the first emulated instruction, the size moved to rsi";
	}
	p->place = place.at;
	p->offset = file_offset(f->file, place.at);
	p->emulated = place.emulated;
	p->why = place.why;
	p->returns = !p->no_return;
	return true;
}

static int places_find(struct finding *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->to->items.len; i++) {
		struct alloc_probe *p = &f->to->items.items[i];
		struct alloc_skip skip = {
			.name = p->name,
			.entry = p->entry,
			.why = "the kernel takes no probe on its first instruction",
		};

		if (probe_place(f, p))
			f->to->items.items[kept++] = *p;
		else if (vec_push(&f->to->skips, skip) < 0)
			return -ENOMEM;
	}
	f->to->items.len = kept;
	return 0;
}

/* Judge what is among the allocators asked for. */
static int functions_judge(struct finding *f, unsigned allocators)
{
	int rc = 0;

	for (size_t i = 0; i < f->functions.items.len && rc == 0; i++) {
		const struct alloc_function *function = &f->functions.items.items[i];

		if (!(allocators >> function->allocator & 1))
			f->to->others |= 1u << function->allocator;
		else if (function->ifunc)
			rc = skip_add(f, function,
				      "an ifunc, which is chosen when the file is loaded");
		else
			rc = function_judge(f, function);
	}
	return rc;
}

/* Does the linker say that this is a program, and no library? */
static bool is_marked_program(struct elf_file *f, const GElf_Phdr *dynamic)
{
	Elf64_Dyn dyn;

	for (uint64_t at = 0; at + sizeof(dyn) <= dynamic->p_filesz; at += sizeof(dyn)) {
		if (elf_file_read(f, dynamic->p_vaddr + at, &dyn, sizeof(dyn)) < 0 ||
		    dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_FLAGS_1)
			return dyn.d_un.d_val & DF_1_PIE;
	}
	return false;
}

static bool is_static_program(struct elf_file *f)
{
	bool program = f->type == ET_EXEC;
	size_t n;

	if (elf_getphdrnum(f->elf, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(f->elf, (int)i, &p))
			continue;
		if (p.p_type == PT_INTERP)
			return false;
		program |= p.p_type == PT_DYNAMIC && is_marked_program(f, &p);
	}
	return program;
}

static int nothing_found(const struct finding *f, struct err *e)
{
	const char *name = f->file->name;

	if (f->to->others)
		return err_plain(e, -ENOENT, "'%s' has none of the allocators asked for", name);
	if (f->functions.items.len)
		return err_plain(e, -ENOENT,
				 "'%s' has an allocator, but nothing in it can be probed", name);
	if (!f->functions.symbols && is_static_program(f->file))
		return err_plain(
			e, -ENOENT,
			"'%s' is a static program without symbols: its allocator cannot be "
			"found",
			name);
	return err_plain(e, -ENOENT, "'%s' has no allocator", name);
}

static int exits_compare(const void *a, const void *b)
{
	const struct alloc_exit *x = a, *y = b;

	return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

static int all_find(struct finding *f, unsigned allocators, struct err *e)
{
	int rc = alloc_functions_read(f->file, &f->functions, e);

	if (rc == 0 && f->functions.items.len == 0)
		return nothing_found(f, e);
	if (rc == 0)
		rc = code_create(f->file, &f->code, e);
	if (rc == 0)
		rc = calls_create(f->file, f->code, &f->functions, &f->calls, e);
	if (rc < 0)
		return rc;
	rc = functions_judge(f, allocators);
	if (rc == 0)
		rc = landings_find(&f->landings, f->file, f->code, e);
	if (rc == 0)
		rc = places_find(f);
	if (rc == 0 && f->to->exits.len)
		qsort(f->to->exits.items, f->to->exits.len, sizeof(f->to->exits.items[0]),
		      exits_compare);
	if (rc < 0)
		return err_set(e, rc, "cannot find the allocator of '%s'", f->file->name);
	return f->to->items.len ? 0 : nothing_found(f, e);
}

int alloc_probes_find(struct elf_file *f, unsigned allocators, struct alloc_probes *ret,
		      struct err *e)
{
	struct finding finding = { .file = f, .to = ret };
	int rc = all_find(&finding, allocators, e);

	landings_deinit(&finding.landings);
	calls_destroy(finding.calls);
	code_destroy(finding.code);
	alloc_functions_deinit(&finding.functions);
	return rc;
}

void alloc_probes_deinit(struct alloc_probes *p)
{
	vec_deinit(&p->items);
	vec_deinit(&p->exits);
	vec_deinit(&p->skips);
}
