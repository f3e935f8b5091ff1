// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/debuginfo.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "sym/qualifiers.h"
#include "sym/scopes.h"
#include "sym/spans.h"
#include "sym/unit.h"

struct unit {
	Dwarf_Die die;  /* has the line table and the ranges */
	Dwarf_Die tree; /* has the functions: the same, or the split unit's */
};

struct function {
	struct debuginfo_function told;
	Dwarf_Die die;
	char *scope; /* told.scope, or NULL */
};

struct debuginfo {
	Dwarf *dwarf, *alt;
	struct debugfile alt_file;
	vec_of(struct unit) units;
	struct spans spans;   /* of the units' code; id: unit */
	struct map functions; /* address of a DIE -> struct function * */
	struct map paths;     /* libdw's relative path (const char *) -> the full one, ours */
	struct scopes scopes; /* of the unit at hand */
	vec_of(struct debuginfo_frame) frames;
};

static int no_memory(const struct elf_file *f, struct err *e)
{
	return err_set(e, -ENOMEM, "cannot read the debug information of '%s'", f->name);
}

static int unit_add(struct debuginfo *d, Dwarf_Die *die, Dwarf_Die *split)
{
	struct unit unit = { *die, split->addr ? *split : *die };
	uint32_t id = (uint32_t)d->units.len;
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	if (vec_push(&d->units, unit) < 0)
		return -ENOMEM;
	while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		if (!unit_range_is_linked(start, end))
			continue;
		struct span span = { .start = start, .end = end, .id = id };
		if (vec_push(&d->spans.items, span) < 0)
			return -ENOMEM;
	}
	return 0;
}

static const char *unit_text(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;

	return dwarf_formstring(dwarf_attr(die, name, &attr));
}

/* The unit in another file (.dwo) that a skeleton stands for; split->addr NULL: there is none. */
static void split_find(const struct elf_file *f, Dwarf_CU *cu, Dwarf_Die *skeleton,
		       Dwarf_Die *split)
{
	const char *name = unit_text(skeleton, DW_AT_dwo_name);
	const char *dir = unit_text(skeleton, DW_AT_comp_dir);

	if (!name)
		name = unit_text(skeleton, DW_AT_GNU_dwo_name);
	split->addr = NULL;
	if (name && debugfile_is_harmless(f, dir, name) &&
	    dwarf_cu_info(cu, NULL, NULL, NULL, split, NULL, NULL, NULL) != 0)
		split->addr = NULL;
}

/*
 * The ranges come from the units themselves: .debug_aranges is optional, and clang leaves it out.
 */
static int units_read(struct debuginfo *d, const struct elf_file *f)
{
	Dwarf_Die die, split = { 0 };
	Dwarf_CU *cu = NULL;
	uint8_t type;

	while (dwarf_get_units(d->dwarf, cu, &cu, NULL, &type, &die, NULL) == 0) {
		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		split.addr = NULL;
		if (type == DW_UT_skeleton)
			split_find(f, cu, &die, &split);
		int rc = unit_add(d, &die, &split);
		if (rc < 0)
			return rc;
	}
	spans_index(&d->spans);
	return 0;
}

/*
 * Without the other file libdw would look for it too, but not below the target's root; where that
 * could do harm all DWARF is done without.
 */
static void alt_open(struct debuginfo *d, struct elf_file *f, const struct debugfile_place *place)
{
	/* Relative to the debug file's own directory. */
	struct debugfile_place from = { place->root_fd, f->name };
	const char *path;
	const void *build_id;
	ssize_t len = dwelf_dwarf_gnu_debugaltlink(d->dwarf, &path, &build_id);

	if (len <= 0)
		return;
	if (debugfile_open_alt(path, build_id, (size_t)len, &from, &d->alt_file, NULL) < 0) {
		if (!debugfile_is_harmless(f, NULL, path)) {
			dwarf_end(d->dwarf);
			d->dwarf = NULL;
		}
		return;
	}
	d->alt = dwarf_begin_elf(d->alt_file.elf->elf, DWARF_C_READ, NULL);
	if (d->alt)
		dwarf_setalt(d->dwarf, d->alt);
}

int debuginfo_create(struct elf_file *f, const struct debugfile_place *place,
		     struct debuginfo **ret, struct err *e)
{
	struct debuginfo *d = calloc(1, sizeof(*d));

	if (!d)
		return no_memory(f, e);
	map_init(&d->functions, sizeof(void *), sizeof(struct function *));
	map_init(&d->paths, sizeof(const char *), sizeof(char *));
	d->alt_file.fd = -1;
	d->dwarf = dwarf_begin_elf(f->elf, DWARF_C_READ, NULL);
	int rc = 0;
	if (d->dwarf) {
		alt_open(d, f, place);
		rc = d->dwarf ? units_read(d, f) : 0;
	}
	if (rc < 0)
		no_memory(f, e);
	else if (d->units.len == 0)
		rc = err_plain(e, -ENOENT, "'%s' has no debug information", f->name);
	if (rc < 0) {
		debuginfo_destroy(d);
		return rc;
	}
	*ret = d;
	return 0;
}

void debuginfo_destroy(struct debuginfo *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->functions.len; i++) {
		struct function *f = *(struct function **)map_value_at(&d->functions, i);
		if (f)
			free(f->scope);
		free(f);
	}
	map_deinit(&d->functions);
	for (size_t i = 0; i < d->paths.len; i++)
		free(*(char **)map_value_at(&d->paths, i));
	map_deinit(&d->paths);
	scopes_deinit(&d->scopes);
	spans_deinit(&d->spans);
	vec_deinit(&d->units);
	vec_deinit(&d->frames);
	dwarf_end(d->dwarf);
	dwarf_end(d->alt);
	debugfile_close(&d->alt_file);
	free(d);
}

/* Damaged DWARF has empty names, which are none. */
static const char *name_check(const char *name)
{
	return name && name[0] ? name : NULL;
}

static const char *linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attr));

	if (!name)
		name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr));
	return name_check(name);
}

/* The function of a scope, described once for the entry that all its copies refer to. */
static const struct debuginfo_function *function_describe(struct debuginfo *d, Dwarf_Die *scope)
{
	Dwarf_Attribute attr;
	Dwarf_Die origin;
	bool added;
	int line;

	if (!dwarf_formref_die(dwarf_attr(scope, DW_AT_abstract_origin, &attr), &origin))
		origin = *scope;
	struct function **known = map_put(&d->functions, &origin.addr, &added);
	if (!known)
		return NULL;
	if (added)
		*known = calloc(1, sizeof(**known));
	struct function *f = *known;
	if (!f || !added)
		return f ? &f->told : NULL;
	f->die = origin;
	f->told.scope = "";
	f->told.name = name_check(dwarf_diename(&origin));
	f->told.linkage_name = linkage_name(&origin);
	f->told.start_line = dwarf_decl_line(&origin, &line) == 0 ? (uint32_t)line : 0;
	return &f->told;
}

/* A source path as libdw tells it, or NULL, from the unit's directory if it is relative. */
static const char *source_path(struct debuginfo *d, struct unit *unit, const char *path)
{
	Dwarf_Attribute attr;
	bool added;

	if (!path || path[0] == '/')
		return path;
	const char *dir = dwarf_formstring(dwarf_attr(&unit->die, DW_AT_comp_dir, &attr));
	if (!dir)
		return path;
	char **full = map_put(&d->paths, &path, &added);
	if (full && added && asprintf(full, "%s/%s", dir, path) < 0)
		*full = NULL;
	return full && *full ? *full : path;
}

/* Where an inlined call stands in its caller. */
static void call_site(struct debuginfo *d, struct unit *unit, Dwarf_Die *scope, const char **file,
		      uint32_t *line)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;
	Dwarf_Files *files;
	size_t n;

	*file = NULL;
	*line = 0;
	if (dwarf_formudata(dwarf_attr(scope, DW_AT_call_file, &attr), &value) == 0 &&
	    dwarf_getsrcfiles(&unit->tree, &files, &n) == 0 && value < n)
		*file = source_path(d, unit, dwarf_filesrc(files, value, NULL, NULL));
	if (dwarf_formudata(dwarf_attr(scope, DW_AT_call_line, &attr), &value) == 0)
		*line = value <= INT32_MAX ? (uint32_t)value : 0;
}

static int frames_add(struct debuginfo *d, struct unit *unit, uint64_t addr, uint32_t leaf,
		      struct debuginfo_range *range)
{
	Dwarf_Line *at = dwarf_getsrc_die(&unit->die, addr);
	struct debuginfo_frame frame = { 0 };
	int line;

	*range = (struct debuginfo_range){ .first = d->frames.len };
	if (at) {
		frame.file = source_path(d, unit, dwarf_linesrc(at, NULL, NULL));
		frame.line = dwarf_lineno(at, &line) == 0 ? (uint32_t)line : 0;
	}
	while (leaf != SCOPES_NONE) {
		struct scope *scope = &d->scopes.items.items[leaf];

		frame.function = function_describe(d, &scope->die);
		if (!frame.function || vec_push(&d->frames, frame) < 0)
			return -ENOMEM;
		call_site(d, unit, &scope->die, &frame.file, &frame.line);
		leaf = scope->outer;
		range->len++;
	}
	if (range->len == 0 && frame.file) {
		if (vec_push(&d->frames, frame) < 0)
			return -ENOMEM;
		range->len = 1;
	}
	return 0;
}

/* An address on its way through the units. */
struct request {
	uint32_t unit;
	uint32_t number; /* position in the caller's arrays */
	uint64_t addr;
};

static int request_compare(const void *pa, const void *pb)
{
	const struct request *a = pa, *b = pb;

	if (a->unit != b->unit)
		return a->unit < b->unit ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* Resolve the addresses of one unit. addrs[] and leaves[] are room for as many. */
static int unit_resolve(struct debuginfo *d, const struct request *requests, size_t n,
			uint64_t *addrs, uint32_t *leaves, struct debuginfo_range *ranges)
{
	struct unit *unit = &d->units.items[requests[0].unit];

	for (size_t i = 0; i < n; i++)
		addrs[i] = requests[i].addr;
	d->scopes.items.len = 0;
	int rc = scopes_find(&d->scopes, &unit->tree, addrs, n, leaves);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = frames_add(d, unit, addrs[i], leaves[i], &ranges[requests[i].number]);
	return rc;
}

/* Find the scopes of the functions from number `first` on that have no linkage name. */
static int functions_qualify(struct debuginfo *d, size_t first)
{
	size_t n = 0, count = d->functions.len - first;
	_cleanup_free_ struct qualifier *items = calloc(count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct function *f = *(struct function **)map_value_at(&d->functions, first + i);

		if (!f->told.linkage_name && f->told.name)
			items[n++] = (struct qualifier){ .function = f->die, .owner = f };
	}
	int rc = qualifiers_find(items, n);
	for (size_t i = 0; i < n; i++) {
		struct function *f = items[i].owner;

		f->scope = items[i].text;
		if (f->scope)
			f->told.scope = f->scope;
	}
	return rc;
}

int debuginfo_resolve(struct debuginfo *d, const uint64_t *addrs, size_t n,
		      struct debuginfo_range *ranges, const struct debuginfo_frame **frames)
{
	_cleanup_free_ struct request *requests = calloc(n + 1, sizeof(*requests));
	_cleanup_free_ uint64_t *unit_addrs = calloc(n + 1, sizeof(*unit_addrs));
	_cleanup_free_ uint32_t *leaves = calloc(n + 1, sizeof(*leaves));
	size_t count = 0, known = d->functions.len;
	int rc = 0;

	if (!requests || !unit_addrs || !leaves)
		return -ENOMEM;
	d->frames.len = 0;
	for (size_t i = 0; i < n; i++) {
		const struct span *span = spans_find(&d->spans, addrs[i]);

		ranges[i] = (struct debuginfo_range){ 0 };
		if (span)
			requests[count++] = (struct request){ span->id, (uint32_t)i, addrs[i] };
	}
	if (count)
		qsort(requests, count, sizeof(requests[0]), request_compare);
	for (size_t i = 0, next; rc == 0 && i < count; i = next) {
		for (next = i + 1; next < count && requests[next].unit == requests[i].unit; next++)
			;
		rc = unit_resolve(d, requests + i, next - i, unit_addrs, leaves, ranges);
	}
	*frames = d->frames.items;
	return rc < 0 ? rc : functions_qualify(d, known);
}
