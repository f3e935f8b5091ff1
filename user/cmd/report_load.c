// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/report_load.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "cmd/report_live.h"
#include "cmd/say.h"
#include "profile/build.h"
#include "profile/convert.h"
#include "profile/decode.h"
#include "profile/edit.h"
#include "profile/merge.h"

/*
 * Older tools' formats, which pprof reads as well. What is one of them but wrong is told as such;
 * what is none leaves the error of the decoder.
 */
static int convert_bytes(const struct buf *b, struct profile **ret, struct err *e)
{
	struct err other = { 0 };
	int rc = profile_convert(b->data ? b->data : "", b->len, ret, &other);

	if (rc < 0 && rc != -ENOMSG)
		*e = other;
	return rc == -ENOMSG ? e->code : rc;
}

static int decode_file(const char *path, struct profile **ret, struct err *e)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, -errno, "cannot open '%s'", path);
	int rc = profile_decode_fd(fd, ret, e);
	if (rc == -EBADMSG && lseek(fd, 0, SEEK_SET) == 0 && fd_read_all(fd, &b, NULL) == 0)
		rc = convert_bytes(&b, ret, e);
	return rc < 0 ? err_prefix(e, "'%s'", path) : 0;
}

/* It can be read only once, so it is read before it is known what it is. */
static int decode_input(struct profile **ret, struct err *e)
{
	_cleanup_(buf_deinit) struct buf b = { 0 };
	int rc = fd_read_all(STDIN_FILENO, &b, e);

	if (rc == 0)
		rc = profile_decode(b.data, b.len, ret, e);
	if (rc == -EBADMSG)
		rc = convert_bytes(&b, ret, e);
	return rc < 0 ? err_prefix(e, "standard input") : 0;
}

static int decode_one(const char *path, struct profile **ret, struct err *e)
{
	return strcmp(path, "-") == 0 ? decode_input(ret, e) : decode_file(path, ret, e);
}

static int load_one(const char *path, struct profile **ret, struct err *e)
{
	int rc = decode_one(path, ret, e);

	if (rc == 0 && profile_add_missing_mapping(*ret) < 0)
		rc = err_set(e, -ENOMEM, "cannot load '%s'", path);
	return rc;
}

/* A file being read while the one before it is merged. */
struct reading {
	const char *path;
	struct profile *profile;
	struct err err;
	int rc;
	pthread_t thread;
	bool started;
};

static void *read_in_thread(void *argument)
{
	struct reading *r = argument;

	r->rc = load_one(r->path, &r->profile, &r->err);
	return NULL;
}

/* Without a thread, it is read at once. */
static void reading_start(struct reading *r, const char *path)
{
	*r = (struct reading){ .path = path };
	r->started = pthread_create(&r->thread, NULL, read_in_thread, r) == 0;
	if (!r->started)
		read_in_thread(r);
}

static int reading_finish(struct reading *r, struct err *e)
{
	if (r->started)
		pthread_join(r->thread, NULL);
	r->started = false;
	if (r->rc < 0)
		*e = r->err;
	return r->rc;
}

/* The profiles that could be read, added up: a single one is taken as it is, its ids too. */
struct sum {
	struct profile *first;
	struct profile_merger *merger; /* made for the second */
	size_t count;
};

/* Takes `p` over. */
static int sum_add(struct sum *s, struct profile *p, struct err *e)
{
	if (s->count++ == 0) {
		s->first = p;
		return 0;
	}
	if (!s->merger) {
		s->merger = profile_merger_create();
		int rc = s->merger ? profile_merger_add(s->merger, steal(s->first), e)
				   : err_set(e, -ENOMEM, "cannot load the profiles");
		if (rc < 0) {
			profile_destroy(p);
			return rc;
		}
	}
	return profile_merger_add(s->merger, p, e);
}

static int sum_finish(struct sum *s, struct profile **ret, struct err *e)
{
	if (s->merger)
		return profile_merger_finish(s->merger, ret, e);
	int rc = profile_check_types(s->first, e);
	if (rc == 0)
		*ret = steal(s->first);
	return rc;
}

static void sum_deinit(struct sum *s)
{
	profile_destroy(s->first);
	if (s->merger)
		profile_merger_destroy(s->merger);
}

/* What cannot be read is told, and the others are added up, as pprof does. */
static int sum_files(struct sum *s, const char *const *paths, size_t count, struct err *e)
{
	struct reading next;
	struct err failed;
	int rc = 0;

	reading_start(&next, paths[0]);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		int read_rc = reading_finish(&next, &failed);
		struct profile *p = next.profile;
		if (i + 1 < count)
			reading_start(&next, paths[i + 1]);
		if (read_rc == 0)
			rc = sum_add(s, p, e);
		else if (count == 1 || read_rc == -ENOMEM)
			rc = err_plain(e, read_rc, "%s", failed.msg);
		else
			say_err(&failed);
		if (rc < 0 && i + 1 < count && reading_finish(&next, &failed) == 0)
			profile_destroy(next.profile);
	}
	return rc;
}

int report_load_files(const char *const *paths, size_t count, struct profile **ret, struct err *e)
{
	_cleanup_(sum_deinit) struct sum s = { 0 };
	int rc = sum_files(&s, paths, count, e);

	if (rc < 0)
		return rc;
	if (s.count == 0)
		return err_plain(e, -EBADMSG, "none of the %zu profiles could be read", count);
	if (s.count < count)
		say("%zu of %zu profiles could be read", s.count, count);
	return sum_finish(&s, ret, e);
}

/* Asking for a value that only heap profiles have is asking for one. */
static enum session_kind live_kind(const struct report_args *args)
{
	static const char *const values[] = { "alloc_objects", "alloc_space", "inuse_objects",
					      "inuse_space" };
	const char *value = args->options.sample_index;

	for (size_t i = 0; value && i < ARRAY_SIZE(values); i++) {
		if (strcmp(value, values[i]) == 0)
			return SESSION_HEAP;
	}
	return SESSION_CPU;
}

static int load_live(const struct report_args *args, size_t files, struct profile **ret,
		     struct err *e)
{
	size_t count = args->live.len;
	_cleanup_free_ char **argv = calloc(count + 1, sizeof(*argv));

	if (files > 0)
		return err_plain(e, -EINVAL, "either processes (-p, -a) or files, not both");
	if (!argv)
		return err_set(e, -ENOMEM, "cannot read the options");
	memcpy(argv, args->live.items, count * sizeof(*argv));
	enum session_kind kind = live_kind(args);
	if (kind == SESSION_HEAP)
		argv[0] = (char *)"heap";
	return report_live(kind, (int)count, argv, ret, e);
}

int report_load(const struct report_args *args, const char *const *paths, size_t count,
		struct profile **ret, struct err *e)
{
	_cleanup_profile_ struct profile *p = NULL, *base = NULL;
	int rc = args->live.len > 0 ? load_live(args, count, &p, e)
				    : report_load_files(paths, count, &p, e);

	if (rc == 0 && args->base.len > 0)
		rc = report_load_files(args->base.items, args->base.len, &base, e);
	if (rc == 0 && args->normalize) {
		if (!base)
			return err_plain(e, -EINVAL, "must have base profile to normalize by");
		rc = profile_normalize(p, base, e);
	}
	if (rc == 0 && base)
		rc = profile_subtract(steal(p), steal(base), args->diff_base, &p, e);
	if (rc < 0)
		return rc;
	if (args->comment) {
		profile_add_comment(p, args->comment);
		if (profile_build_error(p) < 0)
			return err_set(e, -ENOMEM, "cannot load the profiles");
	}
	*ret = steal(p);
	return 0;
}
