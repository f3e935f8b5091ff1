// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * bench_profile SAMPLES DEPTH FUNCTIONS OUT [SEED]: a profile of distinct samples, made of random
 * walks over a call graph in which each function calls 16 others.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "profile/build.h"
#include "profile/encode.h"

enum { CALLEES = 16, DEPTH_MAX = 1000 };

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void add_functions(struct profile *p, uint32_t count)
{
	struct profile_mapping m = { .start = 0x400000,
				     .limit = 0x400000 + count * 64ULL,
				     .filename = profile_intern_cstr(p, "/usr/bin/big"),
				     .has_functions = true };
	uint32_t mapping = profile_add_mapping(p, &m);

	for (uint32_t i = 0; i < count; i++) {
		char name[64], file[64];
		snprintf(name, sizeof(name), "ns%u::Class%u::method_%u(int)", i % 37, i % 911, i);
		snprintf(file, sizeof(file), "/src/module%u/file%u.cc", i % 37, i % 911);
		struct profile_function f = { .name = profile_intern_cstr(p, name),
					      .filename = profile_intern_cstr(p, file),
					      .start_line = i % 1000 + 1 };
		snprintf(name, sizeof(name), "_ZN2ns5Class8method_%uEi", i);
		f.system_name = profile_intern_cstr(p, name);
		struct profile_line line = { .function = profile_add_function(p, &f),
					     .line = i % 1000 + 5 };
		uint32_t l = profile_add_location(p, mapping, m.start + i * 64ULL);
		profile_location_set_lines(p, l, &line, 1);
	}
}

static void add_samples(struct profile *p, size_t count, uint32_t depth, uint64_t *state)
{
	uint32_t functions = (uint32_t)p->locations.len;
	_cleanup_free_ uint32_t *callees = malloc((size_t)functions * CALLEES * sizeof(*callees));
	uint32_t stack[DEPTH_MAX];

	if (!callees)
		return;
	for (size_t i = 0; i < (size_t)functions * CALLEES; i++)
		callees[i] = (uint32_t)(random_next(state) % functions);
	for (size_t i = 0; i < count; i++) {
		uint32_t at = (uint32_t)(random_next(state) % 50);
		for (uint32_t k = depth; k-- > 0;) {
			stack[k] = at;
			at = callees[at * CALLEES + random_next(state) % CALLEES];
		}
		int64_t n = 1 + (int64_t)(random_next(state) % 100);
		profile_add_sample(p, stack, depth, (int64_t[]){ n, n * 10000000 }, NULL, 0);
	}
}

static int write_profile(const struct profile *p, const char *path)
{
	struct buf b = { 0 };
	struct err e = { 0 };
	FILE *f = fopen(path, "w");
	int rc = f ? profile_encode(p, &b, &e) : -1;

	if (rc == 0 && fwrite(b.data, 1, b.len, f) != b.len)
		rc = -1;
	if (f && fclose(f) != 0)
		rc = -1;
	buf_deinit(&b);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: bench_profile SAMPLES DEPTH FUNCTIONS OUT [SEED]\n");
		return 2;
	}
	size_t samples = strtoul(argv[1], NULL, 10);
	uint32_t depth = (uint32_t)strtoul(argv[2], NULL, 10);
	uint32_t functions = (uint32_t)strtoul(argv[3], NULL, 10);
	uint64_t state = argc > 5 ? strtoull(argv[5], NULL, 10) * 2 + 1 : 88172645463325252ULL;
	_cleanup_profile_ struct profile *p = profile_create();

	if (!p || depth == 0 || depth > DEPTH_MAX || functions < 50)
		return 1;
	profile_add_sample_type(p, "samples", "count");
	profile_add_sample_type(p, "cpu", "nanoseconds");
	profile_set_period(p, "cpu", "nanoseconds", 10000000);
	add_functions(p, functions);
	add_samples(p, samples, depth, &state);
	return profile_build_error(p) < 0 || write_profile(p, argv[4]) < 0;
}
