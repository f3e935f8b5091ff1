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
	const struct gate_policy *policy;
	double work;
	bool wants_copy; /* for merging: reducing changes a profile */
	struct profile *profile, *copy;
	struct gate_run *run;
	struct err err;
	int rc;
	pthread_t thread;
	bool started;
};

struct loader {
	const struct gate_options *o;
	const struct gate_policy *policy;
	struct gate_runs *runs;
	struct gate_merge *merge;
	struct gate_work work;
	vec_of(struct file) files;
	bool *untestable;
	struct err *e;
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

static int job_do(struct job *j)
{
	const char *path = j->file->path;
	int rc = report_load_files(&path, 1, &j->profile, &j->err);

	if (rc == 0 && j->wants_copy)
		rc = gate_merge_copy(j->profile, &j->copy, &j->err);
	if (rc < 0)
		return rc;
	struct gate_facts facts = { .source = path, .work = j->work };
	rc = gate_run_reduce(j->profile, &facts, j->policy, &j->run, &j->err);
	return rc < 0 ? err_prefix(&j->err, "'%s'", path) : 0;
}

static void *job_thread(void *argument)
{
	struct job *j = argument;

	j->rc = job_do(j);
	profile_destroy(j->profile);
	return NULL;
}

/* Without a thread, it is done at once. */
static void job_start(struct loader *l, struct job *j, const struct file *file)
{
	*j = (struct job){ .file = file, .policy = l->policy, .wants_copy = l->merge != NULL };
	j->rc = gate_work_of_profile(&l->work, file->side, file->path, &j->work, &j->err);
	if (j->rc < 0)
		return;
	j->started = pthread_create(&j->thread, NULL, job_thread, j) == 0;
	if (!j->started)
		job_thread(j);
}

/* Hand over what the job made; in the order of the files, whatever the threads did. */
static int job_finish(struct loader *l, struct job *j, int rc, enum gate_side side)
{
	if (j->started)
		pthread_join(j->thread, NULL);
	if (rc == 0 && j->rc < 0) {
		*l->e = j->err;
		*l->untestable = j->file->side == GATE_NEW;
		rc = j->rc;
	}
	if (rc == 0 && (rc = gate_runs_add(l->runs, side, steal(j->run), l->e)) < 0)
		err_prefix(l->e, "'%s'", j->file->path);
	if (rc == 0 && j->copy)
		rc = gate_merge_add(l->merge, side, steal(j->copy), j->work, l->e);
	gate_run_destroy(j->run);
	profile_destroy(j->copy);
	return rc;
}

static int load(struct loader *l)
{
	struct job jobs[THREADS_MAX];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t width = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (size_t)cpus;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < l->files.len; i += width) {
		size_t count = l->files.len - i < width ? l->files.len - i : width;

		for (size_t k = 0; k < count; k++)
			job_start(l, &jobs[k], &l->files.items[i + k]);
		for (size_t k = 0; k < count; k++) {
			enum gate_side side = jobs[k].file->side;
			if (l->o->self)
				side = (i + k) % 2 ? GATE_NEW : GATE_BASE;
			rc = job_finish(l, &jobs[k], rc, side);
		}
	}
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
			    .e = e };

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
