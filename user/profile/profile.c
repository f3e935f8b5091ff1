// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/profile.h"

#include <stdlib.h>

#include "profile/build.h"
#include "profile/intern.h"

struct profile *profile_create_bare(void)
{
	struct profile *p = calloc(1, sizeof(*p));
	/* What ranges point into is never NULL, not even where the range is empty. */
	if (p && (vec_reserve(&p->stacks, 1) < 0 || vec_reserve(&p->values, 1) < 0 ||
		  vec_reserve(&p->labels, 1) < 0 || vec_reserve(&p->lines, 1) < 0)) {
		profile_destroy(p);
		return NULL;
	}
	return p;
}

struct profile *profile_create(void)
{
	struct profile *p = profile_create_bare();
	if (!p)
		return NULL;
	profile_intern(p, "", 0);
	if (profile_build_error(p) < 0) {
		profile_destroy(p);
		return NULL;
	}
	return p;
}

void profile_destroy(struct profile *p)
{
	if (!p)
		return;
	free(p->bytes);
	vec_deinit(&p->strings);
	vec_deinit(&p->sample_types);
	vec_deinit(&p->mappings);
	vec_deinit(&p->functions);
	vec_deinit(&p->locations);
	vec_deinit(&p->lines);
	vec_deinit(&p->stacks);
	vec_deinit(&p->stack_ends);
	vec_deinit(&p->values);
	vec_deinit(&p->labels);
	vec_deinit(&p->label_ends);
	vec_deinit(&p->comments);
	intern_destroy(p->intern);
	free(p);
}
