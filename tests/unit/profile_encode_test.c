// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "profile.pb-c.h"
#include "profile/build.h"
#include "profile/encode.h"

/* Two frames, one of them inlined, in one mapping; a labelled and a plain sample. */
static struct profile *sample_profile(void)
{
	struct profile *p = profile_create();
	profile_add_sample_type(p, "samples", "count");
	profile_add_sample_type(p, "cpu", "nanoseconds");
	profile_set_period(p, "cpu", "nanoseconds", 10000000);
	p->time_nanos = 1700000000000000000;
	p->duration_nanos = -1;
	profile_set_default_sample_type(p, "cpu");
	profile_set_doc_url(p, "https://example.org/");
	profile_add_comment(p, "one");
	profile_add_comment(p, "two");
	struct profile_mapping m = {
		.start = 0x400000,
		.limit = 0x500000,
		.offset = 0x1000,
		.filename = profile_intern_cstr(p, "/bin/redis"),
		.build_id = profile_intern_cstr(p, "abc0"),
		.has_functions = true,
	};
	uint32_t mapping = profile_add_mapping(p, &m);
	uint32_t leaf = profile_add_location(p, mapping, 0x400010);
	uint32_t root = profile_add_location(p, PROFILE_NONE, 0xffffffffffffffff);
	struct profile_function f = {
		.name = profile_intern_cstr(p, "inner()"),
		.system_name = profile_intern_cstr(p, "_Z5innerv"),
		.filename = profile_intern_cstr(p, "a.cc"),
		.start_line = 7,
	};
	struct profile_function g = { .name = profile_intern_cstr(p, "outer") };
	struct profile_line lines[] = {
		{ profile_add_function(p, &f), 8, 2 },
		{ profile_add_function(p, &g), 9, 0 },
	};
	profile_location_set_lines(p, leaf, lines, 2);
	uint32_t stack[] = { leaf, root };
	int64_t values[] = { 1, 10000000 };
	struct profile_label labels[] = {
		{ .key = profile_intern_cstr(p, "thread"), .str = profile_intern_cstr(p, "io") },
		{ .key = profile_intern_cstr(p, "bytes"),
		  .num = -5,
		  .unit = profile_intern_cstr(p, "kb") },
	};
	profile_add_sample(p, stack, 2, values, NULL, 0);
	profile_add_sample(p, stack + 1, 1, values, labels, 2);
	assert_int_equal(profile_build_error(p), 0);
	return p;
}

static Pprof__Profile *encode_unpack(const struct profile *p)
{
	struct buf raw = { 0 };
	struct err e = { 0 };
	assert_int_equal(profile_encode_raw(p, &raw, &e), 0);
	Pprof__Profile *m = pprof__profile__unpack(NULL, raw.len, (const uint8_t *)raw.data);
	assert_non_null(m);
	buf_deinit(&raw);
	return m;
}

static void test_encode_header(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = sample_profile();
	Pprof__Profile *m = encode_unpack(p);
	char **str = m->string_table;
	assert_string_equal(str[0], "");
	assert_int_equal(m->n_sample_type, 2);
	assert_string_equal(str[m->sample_type[1]->type], "cpu");
	assert_string_equal(str[m->sample_type[1]->unit], "nanoseconds");
	assert_string_equal(str[m->period_type->type], "cpu");
	assert_int_equal(m->period, 10000000);
	assert_int_equal(m->time_nanos, 1700000000000000000);
	assert_int_equal(m->duration_nanos, -1);
	assert_int_equal(m->n_comment, 2);
	assert_string_equal(str[m->comment[1]], "two");
	assert_string_equal(str[m->default_sample_type], "cpu");
	assert_string_equal(str[m->doc_url], "https://example.org/");
	pprof__profile__free_unpacked(m, NULL);
}

static void test_encode_tables(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = sample_profile();
	Pprof__Profile *m = encode_unpack(p);
	char **str = m->string_table;
	assert_int_equal(m->n_mapping, 1);
	assert_int_equal(m->mapping[0]->id, 1);
	assert_int_equal(m->mapping[0]->memory_limit, 0x500000);
	assert_string_equal(str[m->mapping[0]->build_id], "abc0");
	assert_true(m->mapping[0]->has_functions);
	assert_false(m->mapping[0]->has_filenames);
	assert_int_equal(m->n_location, 2);
	assert_int_equal(m->location[0]->mapping_id, 1);
	assert_int_equal(m->location[0]->n_line, 2);
	assert_int_equal(m->location[0]->line[0]->line, 8);
	assert_int_equal(m->location[0]->line[0]->column, 2);
	assert_int_equal(m->location[0]->line[1]->function_id, 2);
	assert_int_equal(m->location[1]->mapping_id, 0);
	assert_true(m->location[1]->address == UINT64_MAX);
	assert_int_equal(m->n_function, 2);
	assert_string_equal(str[m->function[0]->name], "inner()");
	assert_string_equal(str[m->function[0]->system_name], "_Z5innerv");
	assert_int_equal(m->function[0]->start_line, 7);
	pprof__profile__free_unpacked(m, NULL);
}

static void test_encode_samples(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = sample_profile();
	Pprof__Profile *m = encode_unpack(p);
	char **str = m->string_table;
	assert_int_equal(m->n_sample, 2);
	assert_int_equal(m->sample[0]->n_location_id, 2);
	assert_int_equal(m->sample[0]->location_id[0], 1);
	assert_int_equal(m->sample[0]->n_label, 0);
	assert_int_equal(m->sample[0]->value[1], 10000000);
	assert_int_equal(m->sample[1]->location_id[0], 2);
	assert_int_equal(m->sample[1]->n_label, 2);
	assert_string_equal(str[m->sample[1]->label[0]->str], "io");
	assert_int_equal(m->sample[1]->label[1]->num, -5);
	assert_string_equal(str[m->sample[1]->label[1]->num_unit], "kb");
	pprof__profile__free_unpacked(m, NULL);
}

static void test_encode_gzip_is_deterministic(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *a = sample_profile();
	_cleanup_profile_ struct profile *b = sample_profile();
	struct buf raw = { 0 }, one = { 0 }, two = { 0 };
	struct err e = { 0 };
	assert_int_equal(profile_encode_raw(a, &raw, &e), 0);
	assert_int_equal(profile_encode(a, &one, &e), 0);
	assert_int_equal(profile_encode(b, &two, &e), 0);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.data, two.data, one.len);

	char back[4096];
	z_stream z = { .next_in = (Bytef *)one.data,
		       .avail_in = (uInt)one.len,
		       .next_out = (Bytef *)back,
		       .avail_out = sizeof(back) };
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, raw.len);
	assert_memory_equal(back, raw.data, raw.len);
	inflateEnd(&z);
	buf_deinit(&raw);
	buf_deinit(&one);
	buf_deinit(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode_header),
		cmocka_unit_test(test_encode_tables),
		cmocka_unit_test(test_encode_samples),
		cmocka_unit_test(test_encode_gzip_is_deterministic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
