// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/gate_files.h"

#include <errno.h>
#include <glob.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "cmd/gate_work.h"
#include "cmd/report_load.h"

#define THREADS_MAX 8

struct file {
	char *path;
	dev_t dev;
	ino_t ino;
	enum gate_side side;
};

/* A file on its way: read, then reduced, by a thread. */
struct job {
	const struct file *file;
	struct profile *copy; /* for merging: reducing changes a profile */
	double work;
	struct gate_run *run;
	struct err err;
	int rc;
	bool done;
};

/*
 * Files are taken in order by whichever thread is free, and handed over in order; so many at most
 * are on their way, since profiles take memory.
 */
#define JOBS_MAX (2 * THREADS_MAX)

struct loader {
	const struct gate_options *o;
	const struct gate_policy *policy;
	struct gate_runs *runs;
	struct gate_merge *merge;
	struct gate_work work;
	vec_of(struct file) files;
	bool *untestable;
	struct err *e;

	pthread_mutex_t lock;
	pthread_cond_t changed;    /* any of what follows */
	size_t taken, handed, end; /* numbers of files; none from `end` on is taken */
	struct job jobs[JOBS_MAX]; /* by number, modulo */
};

/* ---- Finding ------------------------------------------------------------------------------- */

static int file_add(struct loader *l, const char *path, enum gate_side side)
{
	struct file file = { .side = side };
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(l->e, -errno, "cannot open '%s'", path);
	if (S_ISDIR(st.st_mode))
		return err_plain(l->e, -EISDIR, "'%s' is a directory: say '%s/*.pb.gz'", path,
				 path);
	vec_for_each(known, &l->files) {
		if (known->dev != st.st_dev || known->ino != st.st_ino)
			continue;
		if (known->side == side)
			return 0;
		return err_plain(l->e, -EINVAL, "'%s' is on both sides", path);
	}
	file.path = strdup(path);
	file.dev = st.st_dev;
	file.ino = st.st_ino;
	if (file.path && vec_push(&l->files, file) == 0)
		return 0;
	free(file.path);
	return err_set(l->e, -ENOMEM, "cannot list the profiles");
}

static int pattern_add(struct loader *l, const char *pattern, enum gate_side side)
{
	glob_t found = { 0 };
	int rc = glob(pattern, GLOB_BRACE | GLOB_TILDE | GLOB_ERR, NULL, &found);

	if (rc == GLOB_NOMATCH)
		rc = err_plain(l->e, -ENOENT, "no file matches '--%s %s'", gate_side_name(side),
			       pattern);
	else if (rc != 0)
		rc = err_set(l->e, rc == GLOB_NOSPACE ? -ENOMEM : -errno, "cannot search '%s'",
			     pattern);
	for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
		rc = file_add(l, found.gl_pathv[i], side);
	globfree(&found);
	return rc;
}

static int find(struct loader *l)
{
	for (int side = 0; side < GATE_SIDES; side++) {
		*l->untestable = side == GATE_NEW;
		vec_for_each(pattern, &l->o->patterns[side]) {
			int rc = pattern_add(l, *pattern, side);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

/* ---- Reading ------------------------------------------------------------------------------- */

static int job_do(const struct loader *l, struct job *j)
{
	_cleanup_profile_ struct profile *profile = NULL;
	const char *path = j->file->path;
	int rc = gate_work_of_profile(&l->work, j->file->side, path, &j->work, &j->err);

	if (rc == 0)
		rc = report_load_files(&path, 1, &profile, &j->err);
	if (rc == 0 && l->merge)
		rc = gate_merge_copy(profile, &j->copy, &j->err);
	if (rc < 0)
		return rc;
	struct gate_facts facts = { .source = path, .work = j->work };
	return gate_run_reduce(profile, &facts, l->policy, &j->run, &j->err);
}

static void *worker_run(void *loader)
{
	struct loader *l = loader;

	pthread_mutex_lock(&l->lock);
	for (;;) {
		while (l->taken < l->end && l->taken - l->handed == JOBS_MAX)
			pthread_cond_wait(&l->changed, &l->lock);
		if (l->taken >= l->end)
			break;
		struct job *j = &l->jobs[l->taken % JOBS_MAX];
		*j = (struct job){ .file = &l->files.items[l->taken++] };
		pthread_mutex_unlock(&l->lock);
		int rc = job_do(l, j);
		pthread_mutex_lock(&l->lock);
		j->rc = rc;
		j->done = true;
		pthread_cond_broadcast(&l->changed);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static int job_add(struct loader *l, struct job *j, enum gate_side side)
{
	if (j->rc < 0) {
		*l->e = j->err;
		*l->untestable = j->file->side == GATE_NEW;
		return j->rc;
	}
	int rc = gate_runs_add(l->runs, side, steal(j->run), l->e);
	if (rc == 0 && j->copy)
		rc = gate_merge_add(l->merge, side, steal(j->copy), j->work, l->e);
	return rc;
}

/* Add what the workers make; after a failure, what is on its way is let go. */
static int hand_over(struct loader *l)
{
	int rc = 0;

	pthread_mutex_lock(&l->lock);
	for (; l->handed < l->end; l->handed++) {
		struct job *j = &l->jobs[l->handed % JOBS_MAX];

		while (l->handed == l->taken || !j->done)
			pthread_cond_wait(&l->changed, &l->lock);
		pthread_mutex_unlock(&l->lock);
		enum gate_side side = j->file->side;
		if (l->o->self)
			side = l->handed % 2 ? GATE_NEW : GATE_BASE;
		if (rc == 0)
			rc = job_add(l, j, side);
		gate_run_destroy(j->run);
		profile_destroy(j->copy);
		pthread_mutex_lock(&l->lock);
		if (rc < 0)
			l->end = l->taken;
		pthread_cond_broadcast(&l->changed);
	}
	pthread_mutex_unlock(&l->lock);
	return rc;
}

static int load(struct loader *l)
{
	pthread_t threads[THREADS_MAX];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t width = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (size_t)cpus, started = 0;

	l->end = l->files.len;
	while (started < width && pthread_create(&threads[started], NULL, worker_run, l) == 0)
		started++;
	int rc = started ? hand_over(l) : err_set(l->e, -EAGAIN, "cannot start a thread");
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return rc;
}

int gate_files_load(const struct gate_options *o, const struct gate_policy *policy,
		    struct gate_runs *runs, struct gate_merge *merge, bool *untestable,
		    struct err *e)
{
	struct loader l = { .o = o,
			    .policy = policy,
			    .runs = runs,
			    .merge = merge,
			    .untestable = untestable,
			    .e = e,
			    .lock = PTHREAD_MUTEX_INITIALIZER,
			    .changed = PTHREAD_COND_INITIALIZER };

	*untestable = false;
	int rc = gate_work_init(&l.work, o, e);
	if (rc == 0)
		rc = find(&l);
	if (rc == 0)
		rc = load(&l);
	vec_for_each(file, &l.files)
		free(file->path);
	vec_deinit(&l.files);
	gate_work_deinit(&l.work);
	return rc;
}
