// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "profile/convert.h"

/* All of a profile that a converter makes: "type/unit ...", then "frames values {labels}". */
static char *describe(const struct profile *p)
{
	struct buf b = { 0 };

	vec_for_each(t, &p->sample_types)
		buf_printf(&b, "%s/%s ", profile_str(p, t->type), profile_str(p, t->unit));
	for (size_t i = 0; i < p->sample_count; i++) {
		size_t depth, count;
		const uint32_t *stack = profile_stack(p, i, &depth);
		const struct profile_label *labels = profile_labels(p, i, &count);
		buf_printf(&b, "|");
		for (size_t k = 0; k < depth; k++) {
			const struct profile_location *l = &p->locations.items[stack[k]];
			const char *file =
				l->mapping == PROFILE_NONE
					? ""
					: profile_str(p, p->mappings.items[l->mapping].filename);
			if (l->line_count)
				buf_printf(
					&b, "%s@%s ",
					profile_str(
						p, p->functions.items[profile_lines(p, l)->function]
							   .name),
					file);
			else
				buf_printf(&b, "%llx@%s ", (unsigned long long)l->address, file);
		}
		for (size_t k = 0; k < p->sample_types.len; k++)
			buf_printf(&b, "%lld ", (long long)profile_values(p, i)[k]);
		for (size_t k = 0; k < count; k++)
			buf_printf(&b, "{%s:%s%lld}", profile_str(p, labels[k].key),
				   profile_str(p, labels[k].str), (long long)labels[k].num);
	}
	return b.data;
}

#define BYTES(s) (s), sizeof(s) - 1

static const struct {
	const char *name;
	const char *text;
	size_t len;
	const char *profile; /* or "line ..." of an error */
} cases[] = {
	{ "collapsed", BYTES("main;a b;c 3\n\nmain 4\r\n"),
	  "samples/count |c@ a b@ main@ 3 |main@ 4 " },
	{ "collapsed without a number", BYTES("main;a 3\nmain;b\n"), "line 2: no number" },
	{ "perf",
	  BYTES("# captured\nredis 12/34 [000] 1.000001: 250 cpu-clock:u: \n"
		"\t 7f00 f(int)+0x1c (/lib/c.so)\n\t 4000 main (/bin/r)\n\n"
		"a b 5 2.5: cycles: \n"),
	  "samples/count cpu/nanoseconds |f(int)@/lib/c.so main@/bin/r 1 250 "
	  "{thread:redis0}{tid:12/340}|1 1 {thread:a b0}{tid:50}" },
	{ "perf with junk", BYTES("c 1 1.5: cycles:\n\t 1 f (x)\n\njunk\n"),
	  "line 4: no header of a sample" },
	{ "tcmalloc heap",
	  BYTES("heap profile: 2: 20 [ 3: 30] @ heapprofile\n 2: 20 [ 3: 30] @ 0x401 0x501\n"
		"MAPPED_LIBRARIES:\n00000400-00000600 r-xp 00000000 00:00 1 /bin/x\n"
		"00000600-00000700 rw-p 00000000 00:00 1 /bin/x\n"),
	  "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes "
	  "|400@/bin/x 500@/bin/x 3 30 2 20 {bytes:10}" },
	{ "sampled heap",
	  BYTES("heap profile: 1: 512 [ 1: 512] @ heap_v2/512\n1: 512 [ 1: 512] @ 0x11\n"),
	  "objects/count space/bytes |10@ 1 809 {bytes:512}" },
	{ "jemalloc heap",
	  BYTES("heap_v2/512\n  t*: 1: 512 [0: 0]\n@ 0x11 0x21\n  t*: 1: 512 [0: 0]\n"
		"  t0: 1: 512 [0: 0]\n"),
	  "objects/count space/bytes |10@ 20@ 1 809 {bytes:512}" },
	{ "bytes without an object",
	  BYTES("heap profile: 0: 0 [ 0: 0] @ heapprofile\n0: 5 [ 0: 0] @ 0x1\n"),
	  "line 2: bytes without an object" },
	{ "contention",
	  BYTES("--- contention:\ncycles/second = 2000000000\nsampling period = 10\n"
		"500 3 @ 0x11\n"),
	  "contentions/count delay/nanoseconds |10@ 30 2500 " },
	{ "cpu",
	  BYTES("\0\0\0\0\3\0\0\0\0\0\0\0\x10\x27\0\0\0\0\0\0"
		"\2\0\0\0\3\0\0\0\x10\0\0\0\x21\0\0\0\x31\0\0\0"
		"\1\0\0\0\2\0\0\0\x10\0\0\0\x31\0\0\0"
		"\0\0\0\0\1\0\0\0\0\0\0\0"
		"00000000-00000100 r-xp 00000000 00:00 1 /bin/c\n"),
	  "samples/count cpu/nanoseconds |10@/bin/c 20@/bin/c 30@/bin/c 2 20000000 "
	  "|10@/bin/c 30@/bin/c 1 10000000 " },
	{ "cpu cut off",
	  BYTES("\0\0\0\0\3\0\0\0\0\0\0\0\x10\x27\0\0\0\0\0\0\2\0\0\0\xff\xff\xff\x7f"),
	  "the CPU profile ends in a sample" },
	{ "other text", BYTES("hello\n"), "unrecognized profile format" },
	{ "nothing", BYTES(""), "unrecognized profile format" },
};

static void test_convert(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_profile_ struct profile *p = NULL;
		struct err e = { 0 };
		int rc = profile_convert(cases[i].text, cases[i].len, &p, &e);
		_cleanup_free_ char *got = rc == 0 ? describe(p) : strdup(e.msg);
		bool same = rc == 0 ? strcmp(got, cases[i].profile) == 0
				    : strncmp(got, cases[i].profile, strlen(cases[i].profile)) == 0;
		if (!same)
			fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].name, got,
				 cases[i].profile);
	}
}

/* The frame of a signal handler, which (nearly) every sample has above the leaf, goes. */
static void test_cpu_handler_frame(void **state)
{
	(void)state;
	uint64_t words[5 + 40 * 5 + 3] = { 0, 3, 0, 10000, 0 };
	size_t n = 5;
	for (uint64_t i = 0; i < 40; i++) {
		words[n++] = 1;
		words[n++] = 3;
		words[n++] = 0x1000 + i;
		words[n++] = i ? 0x9001 : 0x7001;
		words[n++] = 0x5001;
	}
	words[n++] = 0;
	words[n++] = 1;
	words[n++] = 0;
	_cleanup_profile_ struct profile *p = NULL;
	struct err e = { 0 };
	assert_int_equal(profile_convert(words, n * 8, &p, &e), 0);
	size_t depth;
	const uint32_t *stack = profile_stack(p, 39, &depth);
	assert_int_equal(depth, 1);
	assert_int_equal(p->locations.items[stack[0]].address, 0x1000 + 39);
	/* The first sample has another one, which is nobody's but its own. */
	profile_stack(p, 0, &depth);
	assert_int_equal(depth, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_convert),
		cmocka_unit_test(test_cpu_handler_frame),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
