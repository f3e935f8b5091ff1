// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "symbolize/symbolize.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "profile/build.h"
#include "sym/kallsyms.h"
#include "sym/symbols.h"

struct run {
	struct profile *profile;
	const struct symbolize_source *sources;
	struct symbolize_stats *stats;
	/* The locations behind one source, and their addresses there. */
	vec_of(uint32_t) locations;
	vec_of(uint64_t) addrs;
	vec_of(struct profile_line) lines; /* of the location at hand */
};

const char *symbolize_reason_text(enum symbolize_reason reason)
{
	static const char *const texts[SYMBOLIZE_REASONS] = {
		[SYMBOLIZE_NO_MAPPING] = "in no known mapping",
		[SYMBOLIZE_NO_FILE] = "in memory that is no file",
		[SYMBOLIZE_UNREADABLE] = "the file cannot be read",
		[SYMBOLIZE_NO_SYMBOL] = "the file has no symbol there",
		[SYMBOLIZE_HIDDEN] = "the kernel hides its symbols",
	};

	return texts[reason];
}

static void group_fail(struct run *r, enum symbolize_reason reason)
{
	r->stats->unnamed[reason] += r->locations.len;
}

static struct profile_mapping *location_mapping(struct run *r, uint32_t location)
{
	return &r->profile->mappings.items[r->profile->locations.items[location].mapping];
}

/* One more line of the location at hand. */
static int line_add(struct run *r, struct profile_mapping *m, const struct symbols_frame *f)
{
	struct profile_function function = {
		.name = profile_intern_cstr(r->profile, f->name),
		.system_name = profile_intern_cstr(r->profile, f->system_name),
		.filename = profile_intern_cstr(r->profile, f->file),
		.start_line = f->start_line,
	};

	m->has_functions = true;
	m->has_filenames |= f->file != NULL;
	m->has_line_numbers |= f->line != 0;
	return vec_push(&r->lines, (struct profile_line){
					   .function = profile_add_function(r->profile, &function),
					   .line = f->line,
				   });
}

static int location_name(struct run *r, uint32_t location, const struct symbols_frame *frames,
			 size_t n)
{
	struct profile_mapping *m = location_mapping(r, location);

	r->lines.len = 0;
	for (size_t i = 0; i < n; i++) {
		if (line_add(r, m, &frames[i]) < 0)
			return -ENOMEM;
	}
	profile_location_set_lines(r->profile, location, r->lines.items, n);
	m->has_inline_frames |= n > 1;
	r->stats->named++;
	return 0;
}

/* ---- One source ------------------------------------------------------------------------------ */

static int group_name_elf(struct run *r, struct elf_file *elf, const struct symbolize_source *s,
			  struct err *e)
{
	struct debugfile_place place = { s->kind == SYMBOLIZE_FILE ? s->root_fd : -1, s->path };
	size_t n = r->locations.len;
	_cleanup_free_ struct symbols_result *results = calloc(n, sizeof(*results));
	struct symbols *symbols;

	if (!results)
		return err_set(e, -ENOMEM, "cannot name the addresses of '%s'", s->path);
	int rc = symbols_create(elf, &place, &symbols, e);
	if (rc < 0)
		return rc;
	rc = symbols_resolve(symbols, r->addrs.items, n, results, e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (results[i].len == 0)
			r->stats->unnamed[SYMBOLIZE_NO_SYMBOL]++;
		else
			rc = location_name(r, r->locations.items[i], results[i].frames,
					   results[i].len);
	}
	symbols_destroy(symbols);
	return rc;
}

static int group_name_file(struct run *r, const struct symbolize_source *s, struct err *e)
{
	struct elf_file *elf;
	int rc = -EBADF;

	if (s->kind == SYMBOLIZE_IMAGE)
		rc = elf_file_open_memory(s->image, s->image_size, s->path, &elf, NULL);
	else if (s->fd >= 0)
		rc = elf_file_open_fd(s->fd, s->path, &elf, NULL);
	if (rc == -ENOMEM)
		return err_set(e, rc, "cannot open '%s'", s->path);
	if (rc < 0) {
		group_fail(r, SYMBOLIZE_UNREADABLE);
		return 0;
	}
	rc = group_name_elf(r, elf, s, e);
	elf_file_close(elf);
	return rc;
}

static int group_name_kernel(struct run *r, const struct symbolize_source *s, struct err *e)
{
	struct kallsyms *kernel;
	int rc = kallsyms_load(s->path, &kernel, &r->stats->kernel_err);

	if (rc == -ENOMEM)
		return err_set(e, rc, "cannot read '%s'", s->path);
	if (rc < 0) {
		group_fail(r, SYMBOLIZE_HIDDEN);
		return 0;
	}
	for (size_t i = 0; rc == 0 && i < r->locations.len; i++) {
		struct kallsyms_symbol symbol;

		if (!kallsyms_find(kernel, r->addrs.items[i], &symbol)) {
			r->stats->unnamed[SYMBOLIZE_NO_SYMBOL]++;
			continue;
		}
		struct symbols_frame frame = { .name = symbol.name, .system_name = symbol.name };
		rc = location_name(r, r->locations.items[i], &frame, 1);
	}
	kallsyms_destroy(kernel);
	return rc;
}

static int group_name(struct run *r, const struct symbolize_source *s, struct err *e)
{
	switch (s->kind) {
	case SYMBOLIZE_FILE:
	case SYMBOLIZE_IMAGE:
		return group_name_file(r, s, e);
	case SYMBOLIZE_KERNEL:
		return group_name_kernel(r, s, e);
	default:
		group_fail(r, SYMBOLIZE_NO_FILE);
		return 0;
	}
}

/* ---- Groups ---------------------------------------------------------------------------------- */

/* The first mapping with the same source: several mappings of a file are one group. */
static uint32_t group_of(const struct run *r, uint32_t mapping)
{
	const struct symbolize_source *s = &r->sources[mapping];

	for (uint32_t i = 0; s->kind == SYMBOLIZE_FILE && s->fd >= 0 && i < mapping; i++) {
		if (r->sources[i].kind == SYMBOLIZE_FILE && r->sources[i].fd == s->fd)
			return i;
	}
	return mapping;
}

/* A location in its group. */
struct member {
	uint32_t group, location;
};

static int member_compare(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	return a->location < b->location ? -1 : a->location > b->location;
}

static size_t members_collect(struct run *r, const uint32_t *groups, struct member *members)
{
	size_t n = 0;

	for (uint32_t i = 0; i < r->profile->locations.len; i++) {
		uint32_t mapping = r->profile->locations.items[i].mapping;

		if (mapping == PROFILE_NONE)
			r->stats->unnamed[SYMBOLIZE_NO_MAPPING]++;
		else
			members[n++] = (struct member){ groups[mapping], i };
	}
	if (n)
		qsort(members, n, sizeof(members[0]), member_compare);
	return n;
}

static int groups_name(struct run *r, const struct member *members, size_t n, struct err *e)
{
	for (size_t i = 0; i < n;) {
		uint32_t group = members[i].group;

		r->locations.len = r->addrs.len = 0;
		for (; i < n && members[i].group == group; i++) {
			const struct profile_location *l =
				&r->profile->locations.items[members[i].location];
			uint64_t addr = l->address - r->sources[l->mapping].bias;

			if (vec_push(&r->locations, members[i].location) < 0 ||
			    vec_push(&r->addrs, addr) < 0)
				return -ENOMEM;
		}
		int rc = group_name(r, &r->sources[group], e);
		if (rc < 0)
			return rc;
	}
	return profile_build_error(r->profile);
}

int symbolize_profile(struct profile *p, const struct symbolize_source *sources,
		      struct symbolize_stats *stats, struct err *e)
{
	struct run r = { .profile = p, .sources = sources, .stats = stats };
	_cleanup_free_ struct member *members = calloc(p->locations.len + 1, sizeof(*members));
	_cleanup_free_ uint32_t *groups = calloc(p->mappings.len + 1, sizeof(*groups));

	*stats = (struct symbolize_stats){ 0 };
	if (!members || !groups)
		return err_set(e, -ENOMEM, "cannot name the addresses of the profile");
	for (uint32_t i = 0; i < p->mappings.len; i++)
		groups[i] = group_of(&r, i);
	int rc = groups_name(&r, members, members_collect(&r, groups, members), e);
	vec_deinit(&r.locations);
	vec_deinit(&r.addrs);
	vec_deinit(&r.lines);
	return rc < 0 ? err_set(e, rc, "cannot name the addresses of the profile") : 0;
}
