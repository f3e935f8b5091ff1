// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The text of perf script: a header for each sample, a line for each frame, a blank line.
 *
 *     comm 123/456 [001] 12.345678: 10 cycles:u: ARGUMENTS
 *     	ffff8f callee+0x1c (inlined)
 *     	ffff8f caller+0x1c (/path)
 *
 * Without call chains the one frame stands at the end of the header. What -F leaves out may be
 * missing: thread, CPU, time, period, event, offset, file.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/convert_impl.h"

#define BLANKS " \t"
#define DIGITS "0123456789"
#define HEX    "0123456789abcdef"

enum { EVENTS_MAX = 64 };

struct span {
	const char *text;
	size_t len;
};

struct perf_head {
	struct span comm, pid, tid, event; /* empty: not there */
	int64_t weight;
	bool has_weight;
	const char *rest; /* what follows */
};

static const struct perf_head no_head = {
	.comm = { "", 0 },
	.pid = { "", 0 },
	.tid = { "", 0 },
	.event = { "", 0 },
	.weight = 1,
};

struct perf_value {
	uint32_t event; /* number in perf.events */
	int64_t weight;
};

struct perf {
	struct converter *c;
	struct map mappings;              /* string of the file -> uint32_t mapping */
	struct map chains;                /* struct inline_key -> uint32_t number */
	vec_of(uint32_t) events;          /* strings, in the order they come up */
	vec_of(struct perf_value) values; /* of each sample */
	bool has_weights;
	vec_of(struct profile_line) place; /* functions at one place, those inlined first */
	struct perf_head head;             /* of the sample being read */
	bool inside;
};

/* ---- Headers ------------------------------------------------------------------------------- */

static struct span next_word(const char *from)
{
	from += strspn(from, BLANKS);
	return (struct span){ from, strcspn(from, BLANKS) };
}

static const char *behind(struct span word)
{
	return word.text + word.len;
}

/* The word that ends before `at`, not before `start`. */
static struct span word_before(const char *start, const char *at)
{
	while (at > start && strchr(BLANKS, at[-1]))
		at--;
	const char *end = at;
	while (at > start && !strchr(BLANKS, at[-1]))
		at--;
	return (struct span){ at, (size_t)(end - at) };
}

static bool is_number(struct span word)
{
	return word.len > 0 && strspn(word.text, DIGITS) == word.len;
}

/* "12.345678:" */
static bool is_time(struct span word)
{
	size_t whole = strspn(word.text, DIGITS);
	size_t part = word.text[whole] == '.' ? strspn(word.text + whole + 1, DIGITS) : 0;

	return whole > 0 && part > 0 && whole + part + 2 == word.len &&
	       word.text[word.len - 1] == ':';
}

/* "[001]" */
static bool is_cpu(struct span word)
{
	return word.len > 2 && word.text[0] == '[' && word.text[word.len - 1] == ']' &&
	       strspn(word.text + 1, DIGITS) == word.len - 2;
}

/* "456", "123/456", "-1/456" */
static bool is_thread(struct span word)
{
	size_t len = word.text[0] == '-' ? 1 : 0;

	len += strspn(word.text + len, DIGITS);
	if (len > 0 && len < word.len && word.text[len] == '/')
		len += 1 + strspn(word.text + len + 1, DIGITS);
	return len == word.len && isdigit((unsigned char)word.text[len - 1]);
}

/* "cycles:u:" */
static bool is_event(struct span word)
{
	return word.len > 1 && word.text[word.len - 1] == ':' &&
	       isalpha((unsigned char)word.text[0]);
}

static void take_thread(struct perf_head *h, struct span word)
{
	const char *slash = memchr(word.text, '/', word.len);

	h->tid = word;
	if (!slash)
		return;
	h->pid = (struct span){ word.text, (size_t)(slash - word.text) };
	h->tid = (struct span){ slash + 1, word.len - h->pid.len - 1 };
}

/* From the back: the CPU and the thread before `end`, and the command, which may have blanks. */
static void take_front(struct perf_head *h, const char *line, const char *end)
{
	struct span word = word_before(line, end);

	if (is_cpu(word)) {
		end = word.text;
		word = word_before(line, end);
	}
	if (word.len > 0 && is_thread(word) && word_before(line, word.text).len > 0) {
		take_thread(h, word);
		end = word.text;
	}
	line += strspn(line, BLANKS);
	h->comm = (struct span){ line, 0 };
	struct span last = word_before(line, end);
	if (last.len > 0)
		h->comm.len = (size_t)(behind(last) - line);
}

/* "10 cycles:u: ..." */
static bool take_event(struct perf_head *h, const char *from)
{
	struct span word = next_word(from), event = word;

	if (is_number(word))
		event = next_word(behind(word));
	if (!is_event(event))
		return false;
	if (event.text != word.text) {
		h->weight = strtoll(word.text, NULL, 10);
		h->has_weight = true;
	}
	size_t name = strcspn(event.text, ":");
	/* "cycles:u:" without the modifier, "sched:sched_switch:" whole. */
	if (event.len - name > 5)
		name = event.len - 1;
	h->event = (struct span){ event.text, name };
	h->rest = behind(event);
	return true;
}

/* A time, after a thread or a CPU, tells a header; else an event after a thread does. */
static bool parse_head(const char *line, struct perf_head *h)
{
	*h = no_head;
	for (struct span word = next_word(line); word.len > 0; word = next_word(behind(word))) {
		struct span before = word_before(line, word.text);
		if (before.len == 0)
			continue;
		bool has_front = is_thread(before) || is_cpu(before);
		if (is_time(word) && has_front) {
			h->rest = behind(word);
			take_front(h, line, word.text);
			take_event(h, h->rest);
			return true;
		}
	}
	for (struct span word = next_word(line); word.len > 0; word = next_word(behind(word))) {
		const char *after = behind(word);
		if (!is_thread(word) || word_before(line, word.text).len == 0)
			continue;
		if (is_cpu(next_word(after)))
			after = behind(next_word(after));
		if (!take_event(h, after))
			continue;
		take_front(h, line, after);
		return true;
	}
	return false;
}

/* "	ffff8f name": blanks, then an address; what follows it is its name. */
static bool take_address(const char *line, struct span *address)
{
	*address = next_word(line);
	return address->text > line && address->len > 0 &&
	       strspn(address->text, HEX) == address->len;
}

static bool is_blank(const char *line)
{
	return line[strspn(line, BLANKS "\r")] == '\0';
}

static bool next_is_frame(const char *text)
{
	struct span address;
	char line[64];
	size_t len = strcspn(text, "\n");

	len = len < sizeof(line) ? len : sizeof(line) - 1;
	memcpy(line, text, len);
	line[len] = '\0';
	return take_address(line, &address);
}

bool convert_is_perf(const char *text)
{
	struct perf_head h;
	size_t len = strcspn(text, "\n");
	char *line = strndup(text, len);

	if (!line)
		return false;
	bool is = parse_head(line, &h) || next_is_frame(text) ||
		  (text[len] && next_is_frame(text + len + 1));
	free(line);
	return is;
}

/* ---- Frames -------------------------------------------------------------------------------- */

/* What is inlined in what: a chain of functions, the callee first. */
struct inline_key {
	uint32_t callees; /* number of the chain, or 0 */
	uint32_t function;
};

/* A number for the functions at one place, the same for the same ones; 0: out of memory. */
static uint64_t place_number(struct perf *s)
{
	uint32_t chain = 0;

	if (s->place.len == 1)
		return (uint64_t)s->place.items[0].function + 1;
	vec_for_each(line, &s->place) {
		struct inline_key key = { chain, line->function };
		bool added;
		uint32_t *number = map_put(&s->chains, &key, &added);
		if (!number)
			return 0;
		if (added)
			*number = (uint32_t)s->chains.len;
		chain = *number;
	}
	return (1ULL << 32) + chain;
}

/* Numbers stand in for the addresses, which perf tells in different ways. */
static int push_place(struct perf *s, uint32_t mapping)
{
	struct profile *p = s->c->p;
	uint64_t address = s->place.len ? place_number(s) : 1;
	uint32_t location = profile_add_location(p, mapping, address);

	if (address == 0 || profile_build_error(p) < 0)
		return -ENOMEM;
	if (p->locations.items[location].line_count == 0)
		profile_location_set_lines(p, location, s->place.items, s->place.len);
	s->place.len = 0;
	return vec_push(&s->c->stack, location);
}

/* Functions that are inlined in nothing: a place of their own. */
static int flush_inlined(struct perf *s)
{
	return s->place.len > 0 ? push_place(s, PROFILE_NONE) : 0;
}

static int file_mapping(struct perf *s, const char *file, size_t len, uint32_t *to)
{
	struct profile_mapping m = {
		.filename = profile_intern(s->c->p, file, len),
		.has_functions = true,
	};
	bool added;
	uint32_t *number = map_put(&s->mappings, &m.filename, &added);

	if (!number)
		return -ENOMEM;
	if (added)
		*number = profile_add_mapping(s->c->p, &m);
	*to = *number;
	return 0;
}

/* Where " (FILE)" begins; paths may have brackets, and so have names. */
static const char *find_file(struct span text)
{
	static const char *const begins[] = { " (/", " ([" };

	if (text.len == 0 || text.text[text.len - 1] != ')')
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
		const char *file = memmem(text.text, text.len, begins[i], 3);
		if (file)
			return file;
	}
	const char *last = memrchr(text.text, '(', text.len);
	return last > text.text && last[-1] == ' ' ? last - 1 : NULL;
}

static struct span trim(const char *from, const char *to)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	return (struct span){ from, (size_t)(to - from) };
}

/* Without the "+0x1c" at the end; a name may have a '+' as well. */
static struct span cut_offset(struct span name)
{
	const char *plus = memrchr(name.text, '+', name.len);
	const char *end = behind(name);

	if (plus && end - plus > 3 && plus[1] == '0' && plus[2] == 'x' &&
	    strspn(plus + 3, HEX) >= (size_t)(end - plus - 3))
		name.len = (size_t)(plus - name.text);
	return name;
}

/* What is behind the address: " name+0x1c (/path)", " name+0x1c (inlined)". */
static int push_frame(struct perf *s, struct span address)
{
	static const char inlined[] = " (inlined)";
	struct profile *p = s->c->p;
	struct span text = trim(behind(address), behind(address) + strlen(behind(address)));

	/* With one blank before it, where a file alone begins too. */
	text = (struct span){ text.text - 1, text.len + 1 };
	const char *file = find_file(text), *end = behind(text);
	struct span name = cut_offset(trim(text.text, file ? file : end));
	struct profile_function f = {
		.name = name.len > 0 ? profile_intern(p, name.text, name.len)
				     : profile_intern(p, address.text, address.len),
	};
	struct profile_line line = { .function = profile_add_function(p, &f) };
	uint32_t mapping = PROFILE_NONE;
	if (profile_build_error(p) < 0 || vec_push(&s->place, line) < 0)
		return -ENOMEM;
	if (file && (size_t)(end - file) == strlen(inlined) &&
	    memcmp(file, inlined, strlen(inlined)) == 0)
		return 0;
	if (file && file_mapping(s, file + 2, (size_t)(end - file) - 3, &mapping) < 0)
		return -ENOMEM;
	return push_place(s, mapping);
}

/* ---- Samples ------------------------------------------------------------------------------- */

static void add_label(struct profile *p, struct profile_label *labels, size_t *count,
		      const char *key, struct span value)
{
	if (value.len > 0)
		labels[(*count)++] = (struct profile_label){
			.key = profile_intern_cstr(p, key),
			.str = profile_intern(p, value.text, value.len),
		};
}

static int event_index(struct perf *s, uint32_t event, uint32_t *to)
{
	for (*to = 0; *to < s->events.len; ++*to) {
		if (s->events.items[*to] == event)
			return 0;
	}
	return s->events.len < EVENTS_MAX ? vec_push(&s->events, event) : -E2BIG;
}

/* Values wait until all events are known. */
static int end_sample(struct perf *s)
{
	struct profile *p = s->c->p;
	const struct perf_head *h = &s->head;
	struct profile_label labels[3];
	struct perf_value value = { .weight = h->weight };
	size_t count = 0;

	if (!s->inside)
		return 0;
	s->inside = false;
	int rc = flush_inlined(s);
	if (rc == 0)
		rc = event_index(s, profile_intern(p, h->event.text, h->event.len), &value.event);
	if (rc == -E2BIG)
		return convert_fail(s->c, "too many kinds of events");
	add_label(p, labels, &count, "thread", h->comm);
	add_label(p, labels, &count, "pid", h->pid);
	add_label(p, labels, &count, "tid", h->tid);
	profile_add_sample(p, s->c->stack.items, s->c->stack.len, NULL, labels, count);
	s->c->stack.len = 0;
	s->has_weights |= h->has_weight;
	return rc < 0 ? rc : vec_push(&s->values, value);
}

static int begin_sample(struct perf *s, const struct perf_head *h)
{
	static const char record[] = "PERF_RECORD_";
	struct span address;
	int rc = end_sample(s);

	/* Mappings, forks and the like, which can be shown among the samples. */
	if (rc < 0 || (h->rest && strncmp(next_word(h->rest).text, record, strlen(record)) == 0))
		return rc;
	s->head = *h;
	s->inside = true;
	/* Without call chains the frame stands here; an address alone is that of data. */
	if (!h->rest || !take_address(h->rest, &address) || is_blank(behind(address)))
		return 0;
	rc = push_frame(s, address);
	return rc < 0 ? rc : end_sample(s);
}

static int read_line(struct perf *s, const char *line)
{
	struct perf_head h;
	struct span address;
	bool is_frame = take_address(line, &address);

	if (is_blank(line) || line[0] == '#')
		return end_sample(s);
	/* Commands that look like addresses: "  add 12 1.5: cycles:" after a header alone. */
	bool is_first = s->c->stack.len == 0 && s->place.len == 0;
	if (s->inside && is_frame && !(is_first && parse_head(line, &h)))
		return push_frame(s, address);
	if (parse_head(line, &h))
		return begin_sample(s, &h);
	/* A source line, asked for by -F +srcline. */
	if (s->inside && isspace((unsigned char)line[0]))
		return 0;
	/* Headers may have nothing but the command, or nothing. */
	if (!is_frame && !next_is_frame(s->c->next))
		return convert_fail(s->c, "no header of a sample: comm, thread, time, event");
	h = no_head;
	if (!is_frame)
		take_front(&h, line, line + strlen(line));
	int rc = begin_sample(s, &h);
	return rc == 0 && is_frame ? push_frame(s, address) : rc;
}

/* ---- Values -------------------------------------------------------------------------------- */

/* Samples, and what each event weighs; a clock's periods are nanoseconds. */
static int add_types(struct perf *s)
{
	struct profile *p = s->c->p;
	size_t count = s->events.len;

	profile_add_sample_type(p, "samples", "count");
	if (count <= 1 && !s->has_weights)
		return 0;
	for (size_t i = 0; i < count; i++) {
		const char *event = profile_str(p, s->events.items[i]);
		bool is_clock = s->has_weights && strstr(event, "clock");
		struct profile_value_type type = {
			.type = is_clock && count == 1 ? profile_intern_cstr(p, "cpu")
						       : s->events.items[i],
			.unit = profile_intern_cstr(p, is_clock ? "nanoseconds" : "count"),
		};
		if (vec_push(&p->sample_types, type) < 0)
			return -ENOMEM;
	}
	return profile_build_error(p);
}

static int add_values(struct perf *s)
{
	struct profile *p = s->c->p;
	int rc = add_types(s);
	size_t types = p->sample_types.len;

	if (rc < 0 || vec_reserve(&p->values, s->values.len * types) < 0)
		return -ENOMEM;
	p->values.len = s->values.len * types;
	for (size_t i = 0; i < s->values.len; i++) {
		int64_t *values = p->values.items + i * types;
		memset(values, 0, types * sizeof(*values));
		values[0] = 1;
		if (types > 1)
			values[1 + s->values.items[i].event] = s->values.items[i].weight;
	}
	return 0;
}

int convert_perf(struct converter *c)
{
	struct perf s = { .c = c };
	int rc = 0;

	map_init(&s.mappings, sizeof(uint32_t), sizeof(uint32_t));
	map_init(&s.chains, sizeof(struct inline_key), sizeof(uint32_t));
	for (char *line; rc == 0 && (line = convert_line(c));)
		rc = read_line(&s, line);
	if (rc == 0)
		rc = end_sample(&s);
	if (rc == 0)
		rc = add_values(&s);
	map_deinit(&s.mappings);
	map_deinit(&s.chains);
	vec_deinit(&s.events);
	vec_deinit(&s.values);
	vec_deinit(&s.place);
	return rc;
}
