// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "session/building.h"

#include <errno.h>

#include "abi/sample.h"
#include "base/cleanup.h"
#include "profile/build.h"

static bool several_processes(const struct map *counts)
{
	for (size_t i = 1; i < counts->len; i++) {
		const struct sample_key *first = map_key_at(counts, 0);
		const struct sample_key *key = map_key_at(counts, i);
		if (key->tgid != first->tgid)
			return true;
	}
	return false;
}

static int building_fill(struct building *b, struct symbolize_stats *names, struct err *e)
{
	if (b->first)
		locations_add_file(&b->locations, b->first);
	int rc = b->fill(b->ctx, b);
	if (rc < 0)
		return err_set(e, rc, "cannot build the profile");
	return locations_symbolize(&b->locations, !b->options->no_symbols, names, e);
}

int building_run(struct building *b, struct profile **ret, struct symbolize_stats *names,
		 struct err *e)
{
	_cleanup_profile_ struct profile *p = profile_create();

	if (!p)
		return err_set(e, -ENOMEM, "cannot build the profile");
	b->profile = p;
	b->labels = b->options->labels;
	if (several_processes(b->counts))
		b->labels |= SESSION_LABEL_PID;
	locations_init(&b->locations, p, &b->follow->files);
	map_init(&b->lines, b->key_size, b->value_size);
	int rc = building_fill(b, names, e);
	locations_deinit(&b->locations);
	map_deinit(&b->lines);
	if (rc == 0)
		*ret = steal(p);
	return rc;
}
