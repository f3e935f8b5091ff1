// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Text with a stack of addresses for each sample: contention, threads, Go's counts. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/convert_impl.h"

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool take_count(const char **at, int64_t *to)
{
	char *end;

	*at += strspn(*at, " \t");
	if (!isdigit((unsigned char)**at))
		return false;
	errno = 0;
	*to = strtoll(*at, &end, 10);
	*at = end;
	return errno == 0;
}

/* ---- Contention ---------------------------------------------------------------------------- */

struct contention {
	int64_t period, hz;
};

bool convert_is_contention(const char *text)
{
	return starts(text, "--- contentionz ") || starts(text, "--- contention:") ||
	       starts(text, "--- mutex:");
}

/* "ATTRIBUTE = VALUE" of the header. */
static int contention_attribute(struct converter *c, const char *line, struct contention *to)
{
	const char *equals = strchr(line, '=');
	char *end;
	errno = 0;
	int64_t v = strtoll(equals + 1, &end, 0);
	bool is_number = end > equals + 1 && errno == 0 && convert_is_comment(end);

	line += strspn(line, " \t");
	if (starts(line, "discarded samples"))
		return 0;
	if (starts(line, "cycles/second") && is_number)
		to->hz = v;
	else if (starts(line, "sampling period") && is_number)
		to->period = v;
	else if (starts(line, "ms since reset") && is_number)
		c->p->duration_nanos = (int64_t)((uint64_t)v * 1000000);
	else
		return convert_fail(c, "unknown attribute of a contention profile");
	return 0;
}

static int contention_sample(struct converter *c, const char *line, const struct contention *h)
{
	int64_t delay, count;

	if (!take_count(&line, &delay) || !take_count(&line, &count))
		return convert_fail(c, "no sample of a contention profile");
	line += strspn(line, " \t");
	if (*line != '@')
		return convert_fail(c, "no sample of a contention profile");
	if (h->period > 0) {
		if (h->hz > 0)
			delay = convert_integer((double)delay * (double)h->period /
						((double)h->hz / 1e9));
		count = (int64_t)((uint64_t)count * (uint64_t)h->period);
	}
	line++;
	int rc = convert_take_stack(c, line, convert_stack_len(line), true);
	if (rc == 0)
		convert_add_sample(c, (int64_t[]){ count, delay }, NULL);
	return rc;
}

int convert_contention(struct converter *c)
{
	struct contention h = { .period = 1 };
	bool in_header = true;
	int rc = 0;

	profile_add_sample_type(c->p, "contentions", "count");
	profile_add_sample_type(c->p, "delay", "nanoseconds");
	convert_line(c);
	for (char *line; rc == 0 && (line = convert_line(c));) {
		if (starts(line + strspn(line, " \t"), "---"))
			break;
		if (convert_is_comment(line))
			continue;
		in_header = in_header && strchr(line, '=');
		rc = in_header ? contention_attribute(c, line, &h) : contention_sample(c, line, &h);
	}
	profile_set_period(c->p, "contentions", "count", h.period);
	return rc < 0 ? rc : convert_rest(c);
}

/* ---- Threads ------------------------------------------------------------------------------- */

/* "--- Thread ID (name: NAME/TID) stack: ---" */
static bool is_thread(const char *line)
{
	return starts(line, "--- Thread ") && strstr(line, " stack: ---");
}

bool convert_is_threads(const char *text)
{
	return starts(text, "--- threadz ") || starts(text, "--- Thread ");
}

static void add_thread(struct converter *c, bool same)
{
	struct profile *p = c->p;

	if (!same && c->stack.len > 0) {
		convert_add_sample(c, (int64_t[]){ 1 }, NULL);
		return;
	}
	c->stack.len = 0;
	if (p->sample_count > 0)
		profile_values(p, p->sample_count - 1)[0]++;
}

/* The lines of one thread, up to the next "---". */
static int read_thread(struct converter *c)
{
	bool same = false;

	for (char *line; (line = convert_line(c));) {
		line += strspn(line, " \t");
		if (starts(line, "---"))
			break;
		if (strstr(line, "same as previous thread"))
			same = true;
		int rc = convert_take_stack(c, line, strlen(line), false);
		if (rc < 0)
			return rc;
	}
	add_thread(c, same);
	return 0;
}

int convert_threads(struct converter *c)
{
	profile_add_sample_type(c->p, "thread", "count");
	profile_set_period(c->p, "thread", "count", 1);
	convert_line(c);
	while (c->current && !is_thread(c->current) && !starts(c->current, "---- no stack trace") &&
	       !convert_is_memory_map(c->current))
		convert_line(c);
	while (c->current && !convert_is_memory_map(c->current)) {
		if (starts(c->current, "---- no stack trace"))
			break;
		if (!is_thread(c->current))
			return convert_fail(c, "no header of a thread");
		int rc = read_thread(c);
		if (rc < 0)
			return rc;
	}
	int rc = convert_rest(c);
	if (rc == 0)
		convert_drop_doubled_leaves(c->p);
	return rc;
}

/* ---- Go's counts --------------------------------------------------------------------------- */

/* "goroutine profile: total 5" */
static size_t count_name(const char *line)
{
	size_t len = strcspn(line, " \t\n");
	const char *rest = line + len;

	return len > 0 && starts(rest, " profile: total ") && isdigit((unsigned char)rest[16]) ? len
											       : 0;
}

bool convert_is_count(const char *text)
{
	return count_name(text) > 0;
}

int convert_count(struct converter *c)
{
	char *line = convert_line(c);
	char *name = strndup(line, count_name(line));

	if (!name)
		return -ENOMEM;
	profile_add_sample_type(c->p, name, "count");
	profile_set_period(c->p, name, "count", 1);
	free(name);
	while ((line = convert_line(c)) && !starts(line, "---")) {
		const char *at = line;
		int64_t count;
		if (convert_is_comment(line))
			continue;
		if (!take_count(&at, &count) || !starts(at, " @"))
			return convert_fail(c, "no sample of a count");
		at += 2;
		if (!convert_is_comment(at + convert_stack_len(at)))
			return convert_fail(c, "no sample of a count");
		int rc = convert_take_stack(c, at, convert_stack_len(at), true);
		if (rc < 0)
			return rc;
		convert_add_sample(c, &count, NULL);
	}
	return convert_rest(c);
}
