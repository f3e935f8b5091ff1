// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "proc/maps.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"

/* The unread rest of one line; *end is its NUL. */
struct line {
	char *pos;
	char *end;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* A number of at least one digit that fits 64 bits, followed by `stop`, which is consumed. */
static bool line_number(struct line *l, unsigned int base, char stop, uint64_t *ret)
{
	uint64_t value = 0;
	char *p = l->pos;

	for (;; p++) {
		int digit = hex_digit(*p);

		if (digit < 0 || (unsigned int)digit >= base)
			break;
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (unsigned int)digit, &value))
			return false;
	}
	if (p == l->pos || p == l->end || *p != stop)
		return false;
	l->pos = p + 1;
	*ret = value;
	return true;
}

/* "rwxp " */
static bool line_permissions(struct line *l, uint32_t *flags)
{
	static const struct {
		char set, clear;
		uint32_t flag;
	} columns[] = {
		{ 'r', '-', PROC_MAPPING_READ },
		{ 'w', '-', PROC_MAPPING_WRITE },
		{ 'x', '-', PROC_MAPPING_EXEC },
		{ 's', 'p', PROC_MAPPING_SHARED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++, l->pos++) {
		if (*l->pos == columns[i].set)
			*flags |= columns[i].flag;
		else if (*l->pos != columns[i].clear)
			return false;
	}
	if (*l->pos != ' ')
		return false;
	l->pos++;
	return true;
}

/*
 * The path is what is left after the padding: it may hold spaces and anything else but a newline,
 * which the kernel writes as \012. It does not escape the backslash, so a name that really holds
 * these four characters reads wrong; nothing tells the two apart.
 */
static const char *line_path(struct line *l, uint32_t *flags)
{
	static const char deleted[] = " (deleted)";
	const size_t deleted_len = sizeof(deleted) - 1;
	char *start = l->pos, *end = l->end;

	while (*start == ' ')
		start++;
	if (*start == '/' && (size_t)(end - start) > deleted_len &&
	    memcmp(end - deleted_len, deleted, deleted_len) == 0) {
		end -= deleted_len;
		*end = '\0';
		*flags |= PROC_MAPPING_DELETED;
	}
	char *escape = strstr(start, "\\012");
	if (!escape)
		return start;
	char *to = escape;
	for (const char *from = escape; *from;) {
		bool newline = strncmp(from, "\\012", 4) == 0;

		*to++ = newline ? '\n' : *from;
		from += newline ? 4 : 1;
	}
	*to = '\0';
	return start;
}

bool proc_mapping_parse(char *line, char *end, struct proc_mapping *ret)
{
	struct line l = { line, end };
	struct proc_mapping m = { 0 };
	uint64_t major, minor;

	if (!line_number(&l, 16, '-', &m.start) || !line_number(&l, 16, ' ', &m.end) ||
	    !line_permissions(&l, &m.flags) || !line_number(&l, 16, ' ', &m.pgoff) ||
	    !line_number(&l, 16, ':', &major) || !line_number(&l, 16, ' ', &minor) ||
	    !line_number(&l, 10, ' ', &m.inode))
		return false;
	if (m.start >= m.end || major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	m.dev_major = (uint32_t)major;
	m.dev_minor = (uint32_t)minor;
	m.path = line_path(&l, &m.flags);
	*ret = m;
	return true;
}

/*
 * The kernel walks the mappings page by page of text without holding them still, so that one that
 * was changed meanwhile can come twice, in two shapes. The later one is the truth.
 */
static int maps_append(struct proc_maps *m, const struct proc_mapping *new)
{
	while (m->mappings.len) {
		struct proc_mapping *last = &m->mappings.items[m->mappings.len - 1];

		if (last->end <= new->start)
			break;
		if (last->start < new->start) {
			last->end = new->start;
			break;
		}
		m->mappings.len--;
	}
	return vec_push(&m->mappings, *new);
}

int proc_maps_parse(struct proc_maps *m, struct err *e)
{
	char *pos = m->text.data;
	char *end = pos ? pos + m->text.len : NULL;

	m->mappings.len = 0;
	for (size_t number = 1; pos < end; number++) {
		char *newline = memchr(pos, '\n', (size_t)(end - pos));
		char *line = pos, *line_end = newline ? newline : end;
		struct proc_mapping mapping;

		*line_end = '\0';
		pos = line_end + 1;
		if (!proc_mapping_parse(line, line_end, &mapping)) {
			m->mappings.len = 0;
			return err_plain(e, -EPROTO,
					 "line %zu of the process's mappings is damaged", number);
		}
		if (maps_append(m, &mapping) < 0) {
			m->mappings.len = 0;
			return err_set(e, -ENOMEM, "cannot keep the process's mappings");
		}
	}
	return 0;
}

static int text_read(struct buf *text, const char *path, struct err *e)
{
	text->len = 0;
	text->error = 0;
	return file_read_all(path, text, e);
}

/* When main() has ended by pthread_exit() its thread has no memory left; the others still do. */
static int text_read_any_thread(struct buf *text, pid_t pid, const char *file, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	_cleanup_closedir_ DIR *dir = opendir(path);
	if (!dir && errno == ENOENT)
		return err_plain(e, -ESRCH, "no process %d", pid);
	if (!dir)
		return err_set(e, -errno, "cannot open '%s'", path);
	for (struct dirent *entry; (entry = readdir(dir));) {
		char thread[sizeof(path) + sizeof(entry->d_name) + sizeof("/smaps")];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(thread, sizeof(thread), "%s/%s/%s", path, entry->d_name, file);
		if (text_read(text, thread, NULL) == 0 && text->len)
			return 0;
	}
	text->len = 0;
	return 0;
}

int proc_maps_text(pid_t pid, const char *file, struct buf *text, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	int rc = text_read(text, path, e);
	/* No memory, or no process? The directory of its threads tells. */
	if (rc == -ENOENT || rc == -ESRCH || (rc == 0 && text->len == 0))
		rc = text_read_any_thread(text, pid, file, e);
	return rc;
}

int proc_maps_read(struct proc_maps *m, pid_t pid, struct err *e)
{
	m->mappings.len = 0;
	int rc = proc_maps_text(pid, "maps", &m->text, e);

	return rc < 0 ? rc : proc_maps_parse(m, e);
}

const struct proc_mapping *proc_maps_find(const struct proc_maps *m, uint64_t addr)
{
	size_t low = 0, high = m->mappings.len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct proc_mapping *mapping = &m->mappings.items[mid];

		if (addr < mapping->start)
			high = mid;
		else if (addr >= mapping->end)
			low = mid + 1;
		else
			return mapping;
	}
	return NULL;
}

bool proc_mapping_is_file(const struct proc_mapping *m)
{
	return m->inode != 0 && m->path[0] == '/';
}

void proc_maps_deinit(struct proc_maps *m)
{
	vec_deinit(&m->mappings);
	buf_deinit(&m->text);
}
