// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "profile.pb-c.h"
#include "profile/build.h"
#include "profile/decode.h"
#include "profile/encode.h"

/* A small generator of numbers (xorshift64), so that a failing profile comes again. */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Numbers of every length of varint, the extremes among them. */
static int64_t random_number(uint64_t *state)
{
	uint64_t v = random_next(state);

	return (int64_t)(v >> (random_next(state) % 64)) * (v & 1 ? 1 : -1);
}

static uint32_t random_string(struct profile *p, uint64_t *state)
{
	char s[32];

	return profile_intern(
		p, s, (size_t)snprintf(s, sizeof(s), "s%d", (int)(random_next(state) % 50)));
}

static void random_tables(struct profile *p, uint64_t *state)
{
	for (int i = 0; i < 3; i++) {
		struct profile_mapping m = {
			.start = random_next(state),
			.limit = random_next(state),
			.offset = (uint64_t)random_number(state),
			.filename = random_string(p, state),
			.build_id = random_string(p, state),
			.has_functions = i & 1,
			.has_filenames = i & 2,
			.has_line_numbers = !(i & 1),
			.has_inline_frames = !(i & 2),
		};
		profile_add_mapping(p, &m);
	}
	for (int i = 0; i < 40; i++) {
		struct profile_function f = {
			.name = random_string(p, state),
			.system_name = random_string(p, state),
			.filename = random_string(p, state),
			.start_line = random_number(state),
		};
		profile_add_function(p, &f);
	}
	for (int i = 0; i < 60; i++) {
		uint32_t mapping = (uint32_t)(random_next(state) % 4);
		uint32_t l = profile_add_location(p, mapping == 3 ? PROFILE_NONE : mapping,
						  random_next(state));
		struct profile_line lines[4];
		size_t count = random_next(state) % 5;
		for (size_t k = 0; k < count; k++) {
			lines[k].function = (uint32_t)(random_next(state) % p->functions.len);
			lines[k].line = random_number(state);
			lines[k].column = random_number(state);
		}
		profile_location_set_lines(p, l, lines, count);
		p->locations.items[l].is_folded = random_next(state) % 8 == 0;
	}
}

static struct profile *random_profile(uint64_t seed)
{
	uint64_t state = seed;
	struct profile *p = profile_create();
	profile_add_sample_type(p, "alloc", "count");
	profile_add_sample_type(p, "space", "bytes");
	profile_set_period(p, "space", "bytes", random_number(&state));
	p->time_nanos = random_number(&state);
	p->duration_nanos = random_number(&state);
	p->drop_frames = random_string(p, &state);
	p->keep_frames = random_string(p, &state);
	profile_add_comment(p, "comment");
	profile_add_comment(p, "");
	profile_set_doc_url(p, "url");
	random_tables(p, &state);
	bool labelled = seed % 3 != 0;
	for (int i = 0; i < 100; i++) {
		uint32_t stack[20];
		size_t depth = random_next(&state) % 20;
		int64_t values[] = { random_number(&state), random_number(&state) };
		struct profile_label labels[3] = { 0 };
		size_t count = labelled ? random_next(&state) % 4 : 0;
		for (size_t k = 0; k < depth; k++)
			stack[k] = (uint32_t)(random_next(&state) % p->locations.len);
		for (size_t k = 0; k < count; k++) {
			labels[k].key = random_string(p, &state);
			if (random_next(&state) & 1)
				labels[k].str = random_string(p, &state);
			else
				labels[k].num = random_number(&state) | 1;
			if (!labels[k].str)
				labels[k].unit = random_string(p, &state);
		}
		profile_add_sample(p, stack, depth, values, labels, count);
	}
	assert_int_equal(profile_build_error(p), 0);
	return p;
}

/* The decoder against protobuf-c: whatever it read, written again, must be the same message. */
static void test_decode_agrees_with_protobuf_c(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		_cleanup_profile_ struct profile *p = random_profile(seed);
		_cleanup_profile_ struct profile *back = NULL;
		struct buf raw = { 0 }, gz = { 0 }, again = { 0 };
		struct err e = { 0 };
		assert_int_equal(profile_encode_raw(p, &raw, &e), 0);
		assert_int_equal(profile_encode(p, &gz, &e), 0);
		Pprof__Profile *oracle =
			pprof__profile__unpack(NULL, raw.len, (const uint8_t *)raw.data);
		assert_non_null(oracle);
		if (profile_decode(gz.data, gz.len, &back, &e) < 0)
			fail_msg("seed %d: %s", (int)seed, e.msg);
		assert_int_equal(back->sample_count, oracle->n_sample);
		assert_int_equal(profile_encode_raw(back, &again, &e), 0);
		Pprof__Profile *oracle_again =
			pprof__profile__unpack(NULL, again.len, (const uint8_t *)again.data);
		/* Packed canonically, equal messages are equal bytes. */
		size_t size = pprof__profile__get_packed_size(oracle);
		assert_int_equal(pprof__profile__get_packed_size(oracle_again), size);
		_cleanup_free_ uint8_t *a = malloc(size), *b = malloc(size);
		pprof__profile__pack(oracle, a);
		pprof__profile__pack(oracle_again, b);
		assert_memory_equal(a, b, size);
		pprof__profile__free_unpacked(oracle, NULL);
		pprof__profile__free_unpacked(oracle_again, NULL);
		buf_deinit(&raw);
		buf_deinit(&gz);
		buf_deinit(&again);
	}
}

/* A valid profile: one type, one sample of value 5 at location 1, which has no mapping. */
#define TYPE     "\x0a\x04\x08\x01\x10\x02"
#define SAMPLE   "\x12\x06\x0a\x01\x01\x12\x01\x05"
#define LOCATION "\x22\x02\x08\x01"
#define STRINGS                                                                                    \
	"\x32\x00\x32\x03"                                                                         \
	"cpu"                                                                                      \
	"\x32\x02"                                                                                 \
	"ns"
#define BYTES(s) (s), sizeof(s) - 1

static const struct {
	const char *name;
	const char *bytes;
	size_t len;
	const char *error; /* its beginning, NULL if the profile is good */
} wires[] = {
	{ "minimal", BYTES(TYPE SAMPLE LOCATION STRINGS), NULL },
	{ "tables first", BYTES(STRINGS LOCATION SAMPLE TYPE), NULL },
	{ "unpacked", BYTES(TYPE "\x12\x04\x08\x01\x10\x05" LOCATION STRINGS), NULL },
	{ "unknown fields",
	  BYTES(TYPE SAMPLE LOCATION STRINGS
		"\xfa\x01\x02zz\xf8\x01\x07\xfd\x01zzzz\xf9\x01zzzzzzzz"),
	  NULL },
	{ "unknown mapping is none", BYTES(TYPE SAMPLE "\x22\x04\x08\x01\x10\x09" STRINGS), NULL },
	{ "huge sparse id",
	  BYTES(TYPE "\x12\x0f\x0a\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x12\x01\x05"
		     "\x22\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" STRINGS),
	  NULL },
	{ "empty", BYTES(""), "parsing profile: empty input file" },
	{ "empty gzip",
	  BYTES("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
	  "parsing profile: empty input file" },
	{ "truncated gzip", BYTES("\x1f\x8b\x08\x00\x00\x00\x00"),
	  "decompressing profile: unexpected EOF" },
	{ "no gzip method", BYTES("\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
	  "decompressing profile: gzip: " },
	{ "text", BYTES("hello world"), "parsing profile: unrecognized profile format (" },
	{ "truncated field",
	  BYTES(TYPE SAMPLE LOCATION "\x32\x09"
				     "cpu"),
	  "parsing profile: unrecognized profile format (profile at byte 18: too much data)" },
	{ "gigantic length", BYTES(TYPE "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	  "parsing profile: unrecognized profile format (profile at byte 6: too much data)" },
	{ "bad varint", BYTES(TYPE "\x12\x03\x0a\x01\x80" LOCATION STRINGS),
	  "parsing profile: unrecognized profile format (sample.location_id at byte 10: bad "
	  "varint)" },
	{ "type mismatch", BYTES(TYPE SAMPLE "\x22\x03\x0a\x01\x01" STRINGS),
	  "parsing profile: unrecognized profile format (location.id at byte 16: type mismatch)" },
	{ "wire type 3", BYTES(TYPE "\x13"),
	  "parsing profile: unrecognized profile format (profile at byte 6: unknown wire type)" },
	{ "no strings", BYTES(LOCATION), "parsing profile: unrecognized profile format (" },
	{ "first string not empty", BYTES("\x32\x01x"),
	  "parsing profile: unrecognized profile format (profile.string_table at byte 0: "
	  "string_table[0] must be \"\")" },
	{ "string out of range", BYTES("\x0a\x04\x08\x01\x10\x03" SAMPLE LOCATION STRINGS),
	  "parsing profile: unrecognized profile format (sample_type.unit at byte 5: there is no "
	  "string 3)" },
	{ "negative string", BYTES("\x38\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x32\x00"),
	  "parsing profile: unrecognized profile format (profile.drop_frames at byte 0: there is "
	  "no "
	  "string -1)" },
	{ "concatenated", BYTES(TYPE STRINGS "\x48\x01\x48\x01"),
	  "parsing profile: concatenated profiles detected (time_nanos again at byte 19)" },
	{ "no types", BYTES(SAMPLE LOCATION STRINGS),
	  "malformed profile: missing sample type information" },
	{ "two values", BYTES(TYPE "\x12\x07\x0a\x01\x01\x12\x02\x05\x05" LOCATION STRINGS),
	  "malformed profile: mismatch: sample has 2 values vs. 1 types (sample 0 at byte 6)" },
	{ "second sample without values",
	  BYTES(TYPE SAMPLE "\x12\x03\x0a\x01\x01" LOCATION STRINGS),
	  "malformed profile: mismatch: sample has 0 values vs. 1 types (sample 1 at byte 14)" },
	{ "unknown location", BYTES(TYPE SAMPLE "\x22\x02\x08\x02" STRINGS),
	  "malformed profile: sample has nil location (sample 0 at byte 6, location_id)" },
	{ "nil location before mismatch",
	  BYTES(TYPE SAMPLE "\x12\x03\x0a\x01\x01"
			    "\x22\x02\x08\x02" STRINGS),
	  "malformed profile: sample has nil location" },
	{ "mapping 0", BYTES(TYPE "\x1a\x02\x08\x00" STRINGS),
	  "malformed profile: found mapping with reserved ID=0 (mapping at byte 6)" },
	{ "function 0", BYTES(TYPE "\x2a\x00" STRINGS),
	  "malformed profile: found function with reserved ID=0" },
	{ "location 0", BYTES(TYPE "\x22\x00" STRINGS),
	  "malformed profile: found location with reserved id=0" },
	{ "location twice", BYTES(TYPE LOCATION LOCATION STRINGS),
	  "malformed profile: multiple locations with same id: 1 (location at byte 10)" },
	{ "mapping twice", BYTES(TYPE "\x1a\x02\x08\x03\x1a\x02\x08\x03" STRINGS),
	  "malformed profile: multiple mappings with same id: 3" },
	{ "function twice", BYTES(TYPE "\x2a\x02\x08\x03\x2a\x02\x08\x03" STRINGS),
	  "malformed profile: multiple functions with same id: 3" },
	{ "line without function", BYTES(TYPE "\x22\x06\x08\x01\x22\x02\x08\x07" STRINGS),
	  "malformed profile: location id: 1 has a line with nil function (location at byte 6, "
	  "line 0)" },
};

static void test_decode_wire(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wires); i++) {
		_cleanup_profile_ struct profile *p = NULL;
		struct err e = { 0 };
		int rc = profile_decode(wires[i].bytes, wires[i].len, &p, &e);
		if (!wires[i].error && rc != 0)
			fail_msg("%s: %s", wires[i].name, e.msg);
		if (wires[i].error &&
		    (rc == 0 || strncmp(e.msg, wires[i].error, strlen(wires[i].error)) != 0))
			fail_msg("%s: \"%s\" instead of \"%s\"", wires[i].name, e.msg,
				 wires[i].error);
		if (rc < 0)
			continue;
		size_t depth;
		const uint32_t *stack = profile_stack(p, 0, &depth);
		assert_int_equal(depth, 1);
		assert_int_equal(stack[0], 0);
		assert_int_equal(profile_values(p, 0)[0], 5);
		assert_int_equal(p->locations.items[0].mapping, PROFILE_NONE);
		assert_string_equal(profile_str(p, p->sample_types.items[0].type), "cpu");
	}
}

/* Every prefix of a profile is an error or a shorter profile, never a crash. */
static void test_decode_truncated(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = random_profile(7);
	struct buf gz = { 0 }, raw = { 0 };
	struct err e = { 0 };
	assert_int_equal(profile_encode(p, &gz, &e), 0);
	assert_int_equal(profile_encode_raw(p, &raw, &e), 0);
	for (size_t len = 0; len < gz.len; len++) {
		struct profile *none = NULL;
		assert_int_not_equal(profile_decode(gz.data, len, &none, &e), 0);
		assert_null(none);
	}
	for (size_t len = 0; len < raw.len; len += 3) {
		_cleanup_profile_ struct profile *some = NULL;
		profile_decode(raw.data, len, &some, &e);
	}
	buf_deinit(&gz);
	buf_deinit(&raw);
}

static void test_decode_gzip_members_and_trailing_bytes(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = random_profile(3);
	_cleanup_profile_ struct profile *back = NULL;
	struct buf raw = { 0 }, gz = { 0 };
	struct err e = { 0 };
	assert_int_equal(profile_encode_raw(p, &raw, &e), 0);
	size_t half = raw.len / 2;
	for (int i = 0; i < 2; i++) {
		z_stream z = { .next_in = (Bytef *)raw.data + (i ? half : 0),
			       .avail_in = (uInt)(i ? raw.len - half : half) };
		deflateInit2(&z, 6, Z_DEFLATED, 31, 8, 0);
		z.next_out = buf_space(&gz, raw.len + 1000);
		z.avail_out = (uInt)raw.len + 1000;
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		gz.len += z.total_out;
		deflateEnd(&z);
	}
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	assert_true(gz.len < 60000);
	assert_int_equal(write(fds[1], gz.data, 1), 1);
	assert_int_equal(write(fds[1], gz.data + 1, gz.len - 1), gz.len - 1);
	close(fds[1]);
	assert_int_equal(profile_decode_fd(fds[0], &back, &e), 0);
	close(fds[0]);
	assert_int_equal(back->sample_count, p->sample_count);

	struct profile *none = NULL;
	buf_add(&gz, "\0trailing bytes", 15);
	assert_int_not_equal(profile_decode(gz.data, gz.len, &none, &e), 0);
	assert_non_null(strstr(e.msg, "decompressing profile: gzip: incorrect header"));
	buf_deinit(&raw);
	buf_deinit(&gz);
}

/* A gigabyte of zeros in a megabyte is refused early. */
static void test_decode_bomb(void **state)
{
	(void)state;
	enum { PIECE = 1 << 20, PIECES = 512 };
	_cleanup_free_ char *zeros = calloc(1, PIECE);
	struct buf gz = { 0 };
	z_stream z = { 0 };
	deflateInit2(&z, 9, Z_DEFLATED, 31, 9, 0);
	for (int i = 0; i < PIECES; i++) {
		z.next_in = (Bytef *)zeros;
		z.avail_in = PIECE;
		z.next_out = buf_space(&gz, PIECE);
		z.avail_out = PIECE;
		deflate(&z, i == PIECES - 1 ? Z_FINISH : Z_NO_FLUSH);
		gz.len += PIECE - z.avail_out;
	}
	deflateEnd(&z);
	struct profile *none = NULL;
	struct err e = { 0 };
	/* Field 32 of wire type 2 and length 0, or zeros: fields of number 0, skipped. */
	assert_int_equal(profile_decode(gz.data, gz.len, &none, &e), -EFBIG);
	assert_non_null(strstr(e.msg, "which no profile does"));
	buf_deinit(&gz);
}

static void test_check_lists_every_problem(void **state)
{
	(void)state;
	static const char bytes[] =
		TYPE SAMPLE "\x1a\x00"
			    "\x2a\x00" LOCATION LOCATION "\x22\x06\x08\x02\x22\x02\x08\x07" STRINGS;
	struct buf problems = { 0 };
	struct err e = { 0 };
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], bytes, sizeof(bytes) - 1), sizeof(bytes) - 1);
	close(fds[1]);
	assert_int_equal(profile_check_fd(fds[0], &problems, &e), 0);
	close(fds[0]);
	assert_string_equal(problems.data,
			    "found mapping with reserved ID=0 (mapping at byte 14)\n"
			    "found function with reserved ID=0 (function at byte 16)\n"
			    "multiple locations with same id: 1 (location at byte 22)\n"
			    "location id: 2 has a line with nil function (location at byte 26, "
			    "line 0)\n");
	buf_deinit(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode_agrees_with_protobuf_c),
		cmocka_unit_test(test_decode_wire),
		cmocka_unit_test(test_decode_truncated),
		cmocka_unit_test(test_decode_gzip_members_and_trailing_bytes),
		cmocka_unit_test(test_decode_bomb),
		cmocka_unit_test(test_check_lists_every_problem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
