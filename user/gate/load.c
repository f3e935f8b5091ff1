// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/load.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "profile/decode.h"

enum { THREADS_MAX = 16 };

struct loaded {
	struct gate_run *run;
	struct err err;
};

/* What the threads share: each takes the next file that none has taken. */
struct work {
	const struct gate_file *files;
	size_t count;
	const struct gate_policy *policy;
	struct loaded *loaded;
	atomic_size_t next;
};

static int load_file(const struct gate_file *file, const struct gate_policy *policy,
		     struct gate_run **ret, struct err *e)
{
	_cleanup_profile_ struct profile *p = NULL;
	_cleanup_close_ int fd = open(file->path, O_RDONLY | O_CLOEXEC);
	struct gate_facts facts = file->facts;

	if (fd < 0)
		return err_set(e, -errno, "cannot open '%s'", file->path);
	if (profile_decode_fd(fd, &p, e) < 0)
		return err_prefix(e, "'%s'", file->path);
	facts.source = facts.source ? facts.source : file->path;
	return gate_run_reduce(p, &facts, policy, ret, e);
}

static void *load_files(void *argument)
{
	struct work *w = argument;

	for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->count;)
		load_file(&w->files[i], w->policy, &w->loaded[i].run, &w->loaded[i].err);
	return NULL;
}

/* This thread works too, so that none being startable only makes it slower. */
static void run_threads(struct work *w)
{
	pthread_t threads[THREADS_MAX];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t started = 0;

	while (started < THREADS_MAX && (long)started + 1 < processors && started + 1 < w->count &&
	       pthread_create(&threads[started], NULL, load_files, w) == 0)
		started++;
	load_files(w);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

int gate_runs_load(struct gate_runs *runs, const struct gate_file *files, size_t count,
		   const struct gate_policy *policy, struct err *e)
{
	_cleanup_free_ struct loaded *loaded = calloc(count + 1, sizeof(*loaded));
	struct work w = { .files = files, .count = count, .policy = policy, .loaded = loaded };
	int rc = 0;

	if (!loaded)
		return err_set(e, -ENOMEM, "cannot load %zu profiles", count);
	run_threads(&w);
	for (size_t i = 0; i < count; i++) {
		if (rc == 0 && loaded[i].run) {
			rc = gate_runs_add(runs, files[i].side, loaded[i].run, e);
			continue;
		}
		if (rc == 0) {
			rc = loaded[i].err.code;
			if (e)
				*e = loaded[i].err;
		}
		gate_run_destroy(loaded[i].run);
	}
	return rc;
}
