// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "proc/smaps.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proc/maps.h"

/* Larger gaps without permissions are reserved memory, not guards. */
#define GUARD_MAX (1u << 20)

/* glibc's arenas begin at multiples of it, right above what the arena below has reserved. */
#define ARENA_ALIGNMENT (64u << 20)

/* A mapping, and what its lines told so far. */
struct area {
	struct proc_mapping mapping;
	uint64_t rss, anonymous;
	bool above_guard;
};

static bool mapping_is_nameless(const struct proc_mapping *m)
{
	return m->inode == 0 && m->path[0] == '\0' && !(m->flags & PROC_MAPPING_SHARED);
}

static bool mapping_is_guard(const struct proc_mapping *m)
{
	const uint32_t any = PROC_MAPPING_READ | PROC_MAPPING_WRITE | PROC_MAPPING_EXEC;

	return mapping_is_nameless(m) && !(m->flags & any) && m->end - m->start <= GUARD_MAX;
}

static bool area_is_stack(const struct area *a)
{
	const struct proc_mapping *m = &a->mapping;

	if (strcmp(m->path, "[stack]") == 0)
		return true;
	if (strncmp(m->path, "[anon:", 6) == 0)
		return strstr(m->path, "stack") != NULL;
	return a->above_guard && mapping_is_nameless(m) && (m->flags & PROC_MAPPING_WRITE) &&
	       m->start % ARENA_ALIGNMENT != 0;
}

static bool area_is_shared_memory(const struct area *a)
{
	static const char *const prefixes[] = { "/memfd:", "/SYSV", "/dev/shm/", "/dev/zero",
						"[anon_shmem:" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(a->mapping.path, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static void area_add(const struct area *a, struct proc_smaps *sum)
{
	if (area_is_stack(a)) {
		sum->stacks += a->rss;
		return;
	}
	sum->anonymous += a->anonymous;
	*(area_is_shared_memory(a) ? &sum->shared : &sum->file) += a->rss - a->anonymous;
}

/* A mapping's first line. */
static bool area_begin(struct area *a, char *line, char *end)
{
	struct area next = { 0 };

	if (!proc_mapping_parse(line, end, &next.mapping))
		return false;
	next.above_guard = mapping_is_guard(&a->mapping) && a->mapping.end == next.mapping.start;
	*a = next;
	return true;
}

/* "Rss:                  16 kB" and other keys; false if the number is none. */
static bool area_property(struct area *a, const char *line)
{
	static const uint64_t max = 1ULL << 47; /* so that sums do not overflow */
	static const struct {
		const char *key;
		size_t at;
	} wanted[] = {
		{ "Rss:", offsetof(struct area, rss) },
		{ "Anonymous:", offsetof(struct area, anonymous) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		size_t len = strlen(wanted[i].key);
		if (strncmp(line, wanted[i].key, len) != 0)
			continue;
		const char *digits = line + len + strspn(line + len, " ");
		char *end;
		unsigned long long kib = strtoull(digits, &end, 10);
		if (*digits < '0' || *digits > '9' || strcmp(end, " kB") != 0 || kib > max / 1024)
			return false;
		*(uint64_t *)((char *)a + wanted[i].at) = kib * 1024;
	}
	return true;
}

/* Keys begin with a capital, mappings with a number. */
static bool line_is_property(const char *line)
{
	return *line >= 'A' && *line <= 'Z';
}

int proc_smaps_parse(struct buf *text, struct proc_smaps *sum, struct err *e)
{
	char *pos = text->data, *end = pos ? pos + text->len : NULL;
	struct proc_smaps found = *sum;
	struct area area = { .mapping.path = "" };
	bool begun = false;

	for (size_t number = 1; pos < end; number++) {
		char *newline = memchr(pos, '\n', (size_t)(end - pos));
		char *line = pos, *line_end = newline ? newline : end;
		bool property = line_is_property(line), good;

		*line_end = '\0';
		pos = line_end + 1;
		if (property) {
			good = begun && area_property(&area, line);
		} else {
			area_add(&area, &found);
			good = area_begin(&area, line, line_end);
			begun = true;
		}
		if (!good || area.anonymous > area.rss)
			return err_plain(e, -EPROTO,
					 "line %zu of the process's resident memory is damaged",
					 number);
	}
	area_add(&area, &found);
	*sum = found;
	return 0;
}

int proc_smaps_add(struct proc_smaps *sum, pid_t pid, struct err *e)
{
	struct buf text = { 0 };
	int rc = proc_maps_text(pid, "smaps", &text, e);

	if (rc == 0)
		rc = proc_smaps_parse(&text, sum, e);
	buf_deinit(&text);
	return rc;
}
