/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The way from counts to a profile, as far as it is the same for every kind. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "collect/follow.h"
#include "profile/profile.h"
#include "session/locations.h"
#include "session/session.h"
#include "symbolize/symbolize.h"

struct building {
	/* What the kind sets: */
	const struct session_options *options;
	struct follow *follow;
	const struct map *counts;      /* their keys begin with a struct sample_key */
	const struct code_file *first; /* the main binary; NULL: not known */
	size_t key_size, value_size;   /* of `lines` */
	/* Adds the types and the samples; 0 or a negative errno. */
	int (*fill)(void *ctx, struct building *b);
	void *ctx;

	/* What it finds when it fills: */
	struct profile *profile;
	struct locations locations;
	struct map lines; /* empty: for keys without what is not shown */
	uint32_t labels;  /* those asked for; and the process, if there are several */
};

/** Build and symbolize a profile, which becomes the caller's in *ret; *names tells what got no
 * name. 0, or a negative errno. */
int building_run(struct building *b, struct profile **ret, struct symbolize_stats *names,
		 struct err *e);
