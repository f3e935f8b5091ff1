// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/convert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/convert_impl.h"
#include "profile/stream.h"

char *convert_line(struct converter *c)
{
	c->current = NULL;
	if (c->next >= c->end)
		return NULL;
	char *line = c->next;
	char *newline = memchr(line, '\n', (size_t)(c->end - line));
	c->next = newline ? newline + 1 : c->end;
	char *stop = newline ? newline : c->end;
	if (stop > line && stop[-1] == '\r')
		stop--;
	*stop = '\0';
	c->line++;
	return c->current = line;
}

bool convert_is_comment(const char *line)
{
	line += strspn(line, " \t");
	return line[0] == '\0' || line[0] == '#';
}

int convert_fail(struct converter *c, const char *what)
{
	return err_plain(c->e, -EBADMSG, "line %zu: %s", c->line, what);
}

static int push(struct converter *c, uint32_t location)
{
	return vec_push(&c->stack, location);
}

int convert_push_address(struct converter *c, uint64_t address)
{
	return push(c, profile_add_location(c->p, PROFILE_NONE, address));
}

/* A function is its own location: its number stands in for an address that nobody knows. */
int convert_push_name(struct converter *c, uint32_t mapping, const char *name, size_t len)
{
	struct profile *p = c->p;
	struct profile_function f = { .name = profile_intern(p, name, len) };
	struct profile_line line = { 0 };

	line.function = profile_add_function(p, &f);
	uint32_t location = profile_add_location(p, mapping, line.function + 1);
	if (profile_build_error(p) < 0)
		return -ENOMEM;
	if (p->locations.items[location].line_count == 0)
		profile_location_set_lines(p, location, &line, 1);
	return push(c, location);
}

int64_t convert_integer(double v)
{
	return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}

size_t convert_stack_len(const char *text)
{
	return strspn(text, " x0123456789abcdef");
}

/* The digits of "0x..."; false: more than 64 bits. */
static bool take_digits(const char **at, const char *end, uint64_t *to)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit;

	for (*to = 0; *at < end && **at && (digit = strchr(digits, **at)); ++*at) {
		if (*to >> 60)
			return false;
		*to = *to << 4 | (uint64_t)(digit - digits);
	}
	return true;
}

int convert_take_stack(struct converter *c, const char *text, size_t len, bool leaf_returns)
{
	for (const char *end = text + len; (text = memmem(text, (size_t)(end - text), "0x", 2));) {
		const char *from = text += 2;
		uint64_t address;
		if (!take_digits(&text, end, &address))
			return convert_fail(c, "an address of more than 64 bits");
		if (text > from &&
		    convert_push_address(c, address - (leaf_returns || c->stack.len > 0)) < 0)
			return -ENOMEM;
	}
	return 0;
}

void convert_add_sample(struct converter *c, const int64_t *values,
			const struct profile_label *label)
{
	profile_add_sample(c->p, c->stack.items, c->stack.len, values, label, label != NULL);
	c->stack.len = 0;
}

struct form {
	bool (*is)(const char *text);
	int (*convert)(struct converter *c);
	const char *drop_frames, *keep_frames;
};

/* The recorders' own functions, at the leaf of what they record; see profile.proto. */
#define DROP_ALLOCATORS                                                                            \
	"(__|__libc_|je_|tc_)?(malloc|calloc|realloc|free|cfree|memalign|posix_memalign|"          \
	"aligned_alloc|valloc|pvalloc)|tc_(new|delete)(array)?(_nothrow)?|"                        \
	"operator new(\\[\\])?|operator delete(\\[\\])?|tcmalloc::.*|do_(malloc|memalign).*|"      \
	"runtime\\..*"
#define KEEP_RUNTIME "runtime\\.(panic|reflectcall|call[0-9]*)"
#define DROP_LOCKS                                                                                 \
	"(base::)?(RecordLock|SubmitMutex|SubmitSpinLock)ProfileData.*|"                           \
	"(base::)?(Mutex|MutexLock|SpinLock|SpinLockHolder)::"                                     \
	"(~.*|Unlock.*|ReaderUnlock.*|SlowUnlock.*|AwaitCommon.*)"
#define DROP_PROFILERS                                                                             \
	"ProfileData::Add|(ProfileData|CpuProfiler)::prof_handler|__pthread_sighandler|__restore." \
	"*"

static const struct form cpu = { NULL, convert_cpu, DROP_PROFILERS, NULL };

static const struct form texts[] = {
	{ convert_is_heap, convert_heap, DROP_ALLOCATORS, KEEP_RUNTIME },
	{ convert_is_count, convert_count, DROP_PROFILERS, NULL },
	{ convert_is_threads, convert_threads, DROP_PROFILERS, NULL },
	{ convert_is_contention, convert_contention, DROP_LOCKS, NULL },
	{ convert_is_perf, convert_perf, NULL, NULL },
	{ convert_is_collapsed, convert_collapsed, NULL, NULL },
};

/* Comments and blank lines may come first. */
static void skip_comments(struct converter *c)
{
	for (;;) {
		size_t blanks = strspn(c->next, " \t\r");
		if (c->next[blanks] != '#' && c->next[blanks] != '\n')
			return;
		convert_line(c);
	}
}

static const struct form *find_form(struct converter *c)
{
	size_t len = (size_t)(c->end - c->next);

	if (convert_is_cpu(c->next, len))
		return &cpu;
	/* Text has no NULs; what has is none of these. */
	if (memchr(c->next, '\0', len))
		return NULL;
	skip_comments(c);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (texts[i].is(c->next))
			return &texts[i];
	}
	return NULL;
}

static int convert(struct converter *c)
{
	int rc = convert_symbols(c);
	const struct form *f = rc == 0 ? find_form(c) : NULL;

	if (rc == 0 && !f)
		return err_plain(c->e, -ENOMSG, "unrecognized profile format");
	if (rc == 0)
		rc = f->convert(c);
	if (rc < 0)
		return rc;
	c->p->drop_frames = profile_intern_cstr(c->p, f->drop_frames);
	c->p->keep_frames = profile_intern_cstr(c->p, f->keep_frames);
	convert_apply_symbols(c);
	return profile_build_error(c->p);
}

/* A copy that is cut into lines, with a NUL behind; owned by the caller. */
static char *copy_text(const void *data, size_t len, struct err *e)
{
	char *text = malloc(len + 1);

	if (!text) {
		err_set(e, -ENOMEM, "cannot convert the profile");
		return NULL;
	}
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	return text;
}

/* The text, decompressed if it is gzip; NULL: see e. */
static char *read_text(const void *data, size_t len, size_t *text_len, struct err *e)
{
	const uint8_t *bytes = data;
	char *text = NULL;
	struct stream s;

	*text_len = len;
	if (len < 2 || bytes[0] != 0x1f || bytes[1] != 0x8b)
		return copy_text(data, len, e);
	if (stream_init(&s, -1, data, len, e) == 0 && stream_fill(&s, STREAM_WINDOW_MAX, e) == 0) {
		*text_len = stream_left(&s);
		text = copy_text(stream_bytes(&s), *text_len, e);
	}
	stream_deinit(&s);
	return text;
}

int profile_convert(const void *data, size_t len, struct profile **ret, struct err *e)
{
	_cleanup_profile_ struct profile *p = profile_create();
	struct err failed = { 0 };
	size_t text_len;
	_cleanup_free_ char *text = read_text(data, len, &text_len, &failed);

	if (!p || !text)
		return text ? err_set(e, -ENOMEM, "cannot convert the profile")
			    : err_plain(e, failed.code, "%s", failed.msg);
	struct converter c = { .p = p, .next = text, .end = text + text_len, .e = e };
	map_init(&c.symbols, sizeof(uint64_t), sizeof(char *));
	int rc = convert(&c);
	vec_deinit(&c.stack);
	map_deinit(&c.symbols);
	if (rc == -ENOMEM)
		return err_set(e, rc, "cannot convert the profile");
	if (rc == 0)
		*ret = steal(p);
	return rc;
}
