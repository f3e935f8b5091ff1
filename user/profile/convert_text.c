// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Stacks with names: perf script, collapsed stacks. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/convert_impl.h"

/* The number after the last blank, and where that blank is; NULL if there is none. */
static char *last_number(char *line, int64_t *value)
{
	size_t len = strlen(line);
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		line[--len] = '\0';
	char *blank = strrchr(line, ' ');
	char *end;
	if (!blank)
		return NULL;
	errno = 0;
	*value = strtoll(blank + 1, &end, 10);
	return end == blank + 1 || *end || errno ? NULL : blank;
}

bool convert_is_collapsed(const char *text)
{
	size_t len = strcspn(text, "\n");
	size_t digits = 0;

	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	while (digits < len && isdigit((unsigned char)text[len - 1 - digits]))
		digits++;
	return digits > 0 && len > digits + 1 && text[len - 1 - digits] == ' ';
}

int convert_collapsed(struct converter *c)
{
	profile_add_sample_type(c->p, "samples", "count");
	for (char *line; (line = convert_line(c));) {
		int64_t value;
		if (line[strspn(line, " \t")] == '\0')
			continue;
		char *end = last_number(line, &value);
		if (!end)
			return convert_fail(c, "no number after the stack");
		c->stack.len = 0;
		/* From the leaf, which comes last. */
		while (end > line) {
			char *start = end;
			while (start > line && start[-1] != ';')
				start--;
			if (convert_push_name(c, PROFILE_NONE, start, (size_t)(end - start)) < 0)
				return -ENOMEM;
			end = start > line ? start - 1 : line;
		}
		profile_add_sample(c->p, c->stack.items, c->stack.len, &value, NULL, 0);
	}
	return 0;
}

/*
 * "comm 123/456 [001] 12.345678: 10 cycles:u: " and then a line for each frame, leaf first:
 * "\t  ffff name+0x1c (/path)". A blank line ends the sample.
 */
struct perf_head {
	const char *comm, *thread; /* ends: see below */
	size_t comm_len, thread_len;
	int64_t weight;
	const char *event;
	size_t event_len;
};

/* The time is what tells a header: digits, a dot, digits, a colon. */
static const char *find_time(const char *line, const char **end)
{
	for (const char *at = strpbrk(line, "0123456789"); at; at = strpbrk(at, "0123456789")) {
		size_t whole = strspn(at, "0123456789");
		size_t part = at[whole] == '.' ? strspn(at + whole + 1, "0123456789") : 0;
		bool starts = at == line || isspace((unsigned char)at[-1]);
		if (starts && part > 0 && at[whole + 1 + part] == ':') {
			*end = at + whole + 2 + part;
			return at;
		}
		at += whole;
	}
	return NULL;
}

static bool parse_head(const char *line, struct perf_head *h)
{
	const char *after;
	const char *time = find_time(line, &after);

	if (!time || isspace((unsigned char)line[0]) || line[0] == '#')
		return false;
	*h = (struct perf_head){ .comm = line, .weight = 1 };
	/* Back over "[001] " to the thread, and to the command before it, which may have blanks. */
	const char *at = time;
	while (at > line && isspace((unsigned char)at[-1]))
		at--;
	if (at > line && at[-1] == ']') {
		while (at > line && at[-1] != '[')
			at--;
		at -= at > line;
		while (at > line && isspace((unsigned char)at[-1]))
			at--;
	}
	const char *thread_end = at;
	while (at > line && !isspace((unsigned char)at[-1]))
		at--;
	h->thread = at;
	h->thread_len = (size_t)(thread_end - at);
	while (at > line && isspace((unsigned char)at[-1]))
		at--;
	h->comm_len = (size_t)(at - line);
	/* A period, if there is one, then the event. */
	char *end;
	after += strspn(after, " \t");
	int64_t weight = strtoll(after, &end, 10);
	if (end > after && isspace((unsigned char)*end)) {
		h->weight = weight;
		after = end + strspn(end, " \t");
	}
	h->event = after;
	h->event_len = strcspn(after, ": \t");
	return h->event_len > 0;
}

bool convert_is_perf(const char *text)
{
	struct perf_head h;

	/* Comments may come first. */
	while (*text == '#' || *text == '\n') {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	char line[1024];
	size_t len = strcspn(text, "\n");
	if (len >= sizeof(line))
		return false;
	memcpy(line, text, len);
	line[len] = '\0';
	return parse_head(line, &h);
}

/* "name+0x1c (/path)" without the offset; the file in brackets becomes a mapping. */
static int push_frame(struct converter *c, struct map *mappings, char *line)
{
	char *name = line + strspn(line, " \t");
	name += strcspn(name, " \t"); /* the address */
	name += strspn(name, " \t");
	size_t len = strlen(name);
	uint32_t mapping = PROFILE_NONE;
	char *file = len > 0 && name[len - 1] == ')' ? strrchr(name, '(') : NULL;

	if (file && file > name && file[-1] == ' ') {
		name[len - 1] = '\0';
		uint32_t string = profile_intern_cstr(c->p, file + 1);
		bool added;
		uint32_t *number = map_put(mappings, &string, &added);
		if (!number)
			return -ENOMEM;
		struct profile_mapping m = { .filename = string, .has_functions = true };
		if (added)
			*number = profile_add_mapping(c->p, &m);
		mapping = *number;
		len = (size_t)(file - 1 - name);
	}
	for (size_t i = len; i-- > 0;) {
		if (name[i] == '+' && strncmp(name + i, "+0x", 3) == 0) {
			len = i;
			break;
		}
	}
	return convert_push_name(c, mapping, name, len);
}

static void add_sample(struct converter *c, const struct perf_head *h)
{
	struct profile *p = c->p;
	struct profile_label labels[] = {
		{ .key = profile_intern_cstr(p, "thread"),
		  .str = profile_intern(p, h->comm, h->comm_len) },
		{ .key = profile_intern_cstr(p, "tid"),
		  .str = profile_intern(p, h->thread, h->thread_len) },
	};
	int64_t values[] = { 1, h->weight };

	profile_add_sample(p, c->stack.items, c->stack.len, values, labels, 2);
}

static int read_samples(struct converter *c, struct map *mappings)
{
	struct perf_head h = { 0 };
	bool inside = false;

	for (char *line; (line = convert_line(c));) {
		bool blank = line[strspn(line, " \t")] == '\0';
		if (inside && !blank && isspace((unsigned char)line[0])) {
			if (push_frame(c, mappings, line) < 0)
				return -ENOMEM;
			continue;
		}
		if (inside)
			add_sample(c, &h);
		inside = false;
		if (blank || line[0] == '#')
			continue;
		if (!parse_head(line, &h))
			return convert_fail(c, "no header of a sample: comm, thread, time, event");
		inside = true;
		c->stack.len = 0;
	}
	if (inside)
		add_sample(c, &h);
	return 0;
}

int convert_perf(struct converter *c)
{
	struct map mappings;
	struct perf_head h = { 0 };
	const char *text = c->next;

	while (*text == '#' || *text == '\n') {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	parse_head(text, &h);
	bool is_clock = memmem(h.event, h.event_len, "clock", 5) != NULL;
	profile_add_sample_type(c->p, "samples", "count");
	profile_add_sample_type(c->p, is_clock ? "cpu" : "events",
				is_clock ? "nanoseconds" : "count");
	map_init(&mappings, sizeof(uint32_t), sizeof(uint32_t));
	int rc = read_samples(c, &mappings);
	map_deinit(&mappings);
	return rc;
}
