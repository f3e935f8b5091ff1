// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What our profiles say of the machine they are from; session/comments.c writes it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/runs_impl.h"

/* What follows `prefix` in a comment, or NULL. */
static const char *after(const char *comment, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(comment, prefix, len) == 0 ? comment + len : NULL;
}

/* The first of several comments counts: merged profiles have those of all. */
static int keep(char **to, const char *text)
{
	if (!text || *to)
		return 0;
	*to = strdup(text);
	return *to ? 0 : -ENOMEM;
}

/* "2 Intel(R) Xeon(R)" */
static int keep_cpus(struct run_machine *m, const char *text)
{
	char *model;

	if (!text || m->cpu)
		return 0;
	m->cpus = strtol(text, &model, 10);
	if (m->cpus < 0 || model == text)
		m->cpus = 0;
	return keep(&m->cpu, model + strspn(model, " "));
}

/* "sampled 1.99 s, kernel's count 2.00 s" */
static void keep_cpu_seconds(struct gate_run *run, const char *text)
{
	double sampled, counted;

	if (text && run->cpu_seconds == 0 &&
	    sscanf(text, "sampled %lf s, kernel's count %lf s", &sampled, &counted) == 2 &&
	    counted > 0)
		run->cpu_seconds = counted;
}

int run_read_comments(struct gate_run *run, const struct profile *p)
{
	struct run_machine *m = &run->machine;
	int rc = 0;

	for (size_t i = 0; i < p->comments.len && rc == 0; i++) {
		const char *comment = profile_str(p, p->comments.items[i]);
		rc = keep(&m->host, after(comment, "# host: "));
		if (rc == 0)
			rc = keep(&m->kernel, after(comment, "# kernel: "));
		if (rc == 0)
			rc = keep_cpus(m, after(comment, "# cpus: "));
		keep_cpu_seconds(run, after(comment, "# cpu: "));
	}
	if (rc == 0)
		rc = keep(&m->cpu, "");
	if (rc == 0)
		rc = keep(&m->kernel, "");
	return rc == 0 ? keep(&m->host, "") : rc;
}
