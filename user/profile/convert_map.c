// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The memory map at the end of a profile, and what google/pprof makes of it. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/convert_impl.h"

/* Where a program without address randomisation is loaded. */
#define PROGRAM_START 0x400000

/* No map needs more; what strangers write must not grow without bounds. */
enum { VARIABLES_MAX = 64, EXPANDED_MAX = 65536 };

/* ---- Lines --------------------------------------------------------------------------------- */

bool convert_is_memory_map(const char *line)
{
	return strstr(line, "--- Memory map: ---") || strstr(line, "MAPPED_LIBRARIES:");
}

static bool take_hex(char **at, uint64_t *to)
{
	char *end;

	if (!isxdigit((unsigned char)**at))
		return false;
	errno = 0;
	*to = strtoull(*at, &end, 16);
	if (errno)
		return false;
	*at = end;
	return true;
}

/* The next word, cut out of the line; NULL at its end. */
static char *take_word(char **at)
{
	char *word = *at + strspn(*at, " \t");
	size_t len = strcspn(word, " \t");

	if (len == 0)
		return NULL;
	*at = word + len + (word[len] != '\0');
	word[len] = '\0';
	return word;
}

/* "START-LIMIT", "START LIMIT:" */
static bool take_range(char **at, struct profile_mapping *m)
{
	*at += strspn(*at, " \t");
	if (!take_hex(at, &m->start))
		return false;
	size_t separator = strspn(*at, "- \t");
	*at += separator;
	if (separator == 0 || !take_hex(at, &m->limit))
		return false;
	*at += **at == ':';
	return **at == '\0' || isspace((unsigned char)**at);
}

static bool is_permissions(const char *word)
{
	return word && word[strspn(word, "-rwxps")] == '\0';
}

static bool is_device(const char *word)
{
	size_t major = word ? strspn(word, "0123456789abcdefABCDEF") : 0;

	return major > 0 && word[major] == ':' &&
	       strspn(word + major + 1, "0123456789abcdefABCDEF") > 0;
}

/* As in /proc/PID/maps after the permissions: "OFFSET MAJOR:MINOR INODE FILE". */
static bool take_proc(struct converter *c, char *words[4], struct profile_mapping *m)
{
	char *offset = words[0];

	if (!offset || !is_device(words[1]) || !words[2] || !take_hex(&offset, &m->offset) ||
	    *offset)
		return false;
	m->filename = profile_intern_cstr(c->p, words[3]);
	return true;
}

/* In brief: "FILE (@OFFSET) BUILDID", all of it optional. */
static void take_brief(struct converter *c, char *words[4], struct profile_mapping *m)
{
	char **word = words;

	if (*word)
		m->filename = profile_intern_cstr(c->p, *word++);
	if (*word && strncmp(*word, "(@", 2) == 0) {
		char *offset = *word++ + 2;
		take_hex(&offset, &m->offset);
	}
	if (*word && (*word)[strspn(*word, "0123456789abcdefABCDEF")] == '\0')
		m->build_id = profile_intern_cstr(c->p, *word);
}

/* Whether a line is an entry of the map; those that are not executable are left out. */
static bool take_entry(struct converter *c, char *line)
{
	struct profile_mapping m = { 0 };
	char *words[5] = { 0 };

	if (!take_range(&line, &m))
		return false;
	for (size_t i = 0; i < 4; i++)
		words[i] = take_word(&line);
	if (is_permissions(words[0])) {
		if (!strchr(words[0], 'x'))
			return true;
		memmove(words, words + 1, 3 * sizeof(*words));
		words[3] = take_word(&line);
	}
	if (!take_proc(c, words, &m))
		take_brief(c, words, &m);
	profile_add_mapping(c->p, &m);
	return true;
}

/* ---- Variables and logs -------------------------------------------------------------------- */

/* "NAME=VALUE": "$NAME" stands for the value from then on. */
struct variable {
	const char *name, *value;
};

struct variables {
	vec_of(struct variable) list;
};

static char *trim(char *text)
{
	text += strspn(text, " \t");
	size_t len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

static int variables_add(struct variables *v, char *line)
{
	char *equals = strchr(line, '=');

	if (!equals || v->list.len == VARIABLES_MAX)
		return 0;
	*equals = '\0';
	struct variable new = { .name = trim(line), .value = trim(equals + 1) };
	return vec_push(&v->list, new);
}

static const struct variable *variable_at(const struct variables *v, const char *text)
{
	vec_for_each(variable, &v->list) {
		if (strncmp(text, variable->name, strlen(variable->name)) == 0)
			return variable;
	}
	return NULL;
}

static void variables_expand(const struct variables *v, const char *line, struct buf *to)
{
	to->len = 0;
	while (*line && to->len < EXPANDED_MAX) {
		const struct variable *found = *line == '$' ? variable_at(v, line + 1) : NULL;
		buf_add(to, found ? found->value : line, found ? strlen(found->value) : 1);
		line += found ? 1 + strlen(found->name) : 1;
	}
	buf_add(to, "", 1);
}

/* Without the "... FILE:LINE] " of a log. */
static char *skip_log_prefix(char *line)
{
	char *bracket = strpbrk(line, "[]");
	char *digit = bracket;

	if (!bracket || *bracket != ']' || !isspace((unsigned char)bracket[1]))
		return line;
	while (digit > line && isdigit((unsigned char)digit[-1]))
		digit--;
	return digit < bracket && digit > line + 1 && digit[-1] == ':' ? bracket + 2 : line;
}

/* ---- The mappings as a whole --------------------------------------------------------------- */

static bool same_or_unknown(uint32_t a, uint32_t b)
{
	return !a || !b || a == b;
}

/* Whether the second continues the first. */
static bool is_split(const struct profile_mapping *a, const struct profile_mapping *b)
{
	return same_or_unknown(a->filename, b->filename) &&
	       same_or_unknown(a->build_id, b->build_id) && a->limit == b->start &&
	       (!a->offset || !b->offset || a->offset + (a->limit - a->start) == b->offset);
}

static void join_split(struct profile *p)
{
	size_t kept = 0;

	vec_for_each(m, &p->mappings) {
		struct profile_mapping *last = kept ? &p->mappings.items[kept - 1] : NULL;
		if (!last || !is_split(last, m)) {
			p->mappings.items[kept++] = *m;
			continue;
		}
		last->limit = m->limit;
		last->filename = m->filename ? m->filename : last->filename;
		last->build_id = m->build_id ? m->build_id : last->build_id;
	}
	p->mappings.len = kept;
}

/* "libx.so", "libx.so.1", "libx.so_1". */
static bool is_library(const char *file)
{
	for (const char *at = file; (at = strstr(at, ".so")); at += 3) {
		if (!at[3] || ((at[3] == '.' || at[3] == '_') && isdigit((unsigned char)at[4])))
			return true;
	}
	return false;
}

/* The program itself comes first: a file that is neither a library nor a pseudo file. */
static void move_program_first(struct profile *p)
{
	for (size_t i = 0; i < p->mappings.len; i++) {
		struct profile_mapping m = p->mappings.items[i];
		const char *file = profile_str(p, m.filename);
		if (!file[0] || file[0] == '[' || is_library(file))
			continue;
		p->mappings.items[i] = p->mappings.items[0];
		p->mappings.items[0] = m;
		return;
	}
}

static void mend_first(struct profile *p)
{
	struct profile_mapping *m = p->mappings.items;
	size_t len = p->mappings.len;

	if (len > 1 && strncmp(profile_str(p, m->filename), "/anon_hugepage", 14) == 0 &&
	    m->limit == m[1].start)
		memmove(m, m + 1, --p->mappings.len * sizeof(*m));
	if (len > 0 && m->start - m->offset == PROGRAM_START) {
		m->start = PROGRAM_START;
		m->offset = 0;
	}
}

/* The mapping of an address; a first part that nobody told is given to the one that it begins. */
static uint32_t mapping_of(struct profile *p, uint64_t address)
{
	for (size_t i = 0; i < p->mappings.len; i++) {
		const struct profile_mapping *m = &p->mappings.items[i];
		if (m->start <= address && address < m->limit)
			return (uint32_t)i;
	}
	for (size_t i = 0; i < p->mappings.len; i++) {
		struct profile_mapping *m = &p->mappings.items[i];
		if (m->offset == 0 || m->start - m->offset > address || address >= m->start)
			continue;
		m->start -= m->offset;
		m->offset = 0;
		return (uint32_t)i;
	}
	return PROFILE_NONE;
}

static void assign_mappings(struct converter *c)
{
	struct profile *p = c->p;
	uint32_t unknown = PROFILE_NONE;

	vec_for_each(l, &p->locations) {
		if (l->address == 0)
			continue;
		l->mapping = mapping_of(p, l->address);
		if (l->mapping != PROFILE_NONE)
			continue;
		struct profile_mapping everything = {
			.limit = UINT64_MAX,
			.filename = profile_intern_cstr(p, c->binary),
		};
		if (unknown == PROFILE_NONE)
			unknown = profile_add_mapping(p, &everything);
		l->mapping = unknown;
	}
}

/* Locations that samples have, numbered as they come up in them. */
static int renumber_locations(struct profile *p)
{
	size_t count = p->locations.len, used = 0;
	struct profile_location *to = calloc(count + 1, sizeof(*to));
	uint32_t *numbers = calloc(count + 1, sizeof(*numbers));

	for (size_t i = 0; to && numbers && i < p->stacks.len; i++) {
		uint32_t old = p->stacks.items[i];
		if (numbers[old] == 0) {
			to[used] = p->locations.items[old];
			to[used].id = used + 1;
			numbers[old] = (uint32_t)++used;
		}
		p->stacks.items[i] = numbers[old] - 1;
	}
	if (to && numbers && used > 0)
		memcpy(p->locations.items, to, used * sizeof(*to));
	if (to && numbers)
		p->locations.len = used;
	free(to);
	free(numbers);
	return to && numbers ? 0 : -ENOMEM;
}

static int read_entries(struct converter *c, struct variables *v, struct buf *expanded)
{
	for (char *line; (line = convert_line(c));) {
		line = skip_log_prefix(line);
		variables_expand(v, line, expanded);
		if (expanded->error)
			return -ENOMEM;
		if (!take_entry(c, expanded->data) && variables_add(v, line) < 0)
			return -ENOMEM;
	}
	return 0;
}

int convert_memory_map(struct converter *c)
{
	struct variables v = { 0 };
	struct buf expanded = { 0 };
	int rc = read_entries(c, &v, &expanded);

	vec_deinit(&v.list);
	buf_deinit(&expanded);
	if (rc == 0)
		rc = renumber_locations(c->p);
	if (rc < 0 || profile_build_error(c->p) < 0)
		return -ENOMEM;
	join_split(c->p);
	move_program_first(c->p);
	mend_first(c->p);
	assign_mappings(c);
	for (size_t i = 0; i < c->p->mappings.len; i++)
		c->p->mappings.items[i].id = i + 1;
	return 0;
}

int convert_rest(struct converter *c)
{
	while (c->current && !convert_is_memory_map(c->current))
		convert_line(c);
	return convert_memory_map(c);
}
