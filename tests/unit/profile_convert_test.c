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

static const char *line_name(const struct profile *p, const struct profile_location *l, size_t n)
{
	return profile_str(p, p->functions.items[profile_lines(p, l)[n].function].name);
}

/* All of a profile that a converter makes: "type/unit ...", then "frames values {labels}";
 * "callee<caller" is one frame with an inlined function. */
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
			for (size_t n = 0; n < l->line_count; n++)
				buf_printf(&b, "%s%s", n ? "<" : "", line_name(p, l, n));
			if (l->line_count == 0)
				buf_printf(&b, "%llx", (unsigned long long)l->address);
			buf_printf(&b, "@%s ", file);
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
	{ "collapsed after a comment", BYTES("# a\n\nmain 3\n"), "samples/count |main@ 3 " },
	{ "perf",
	  BYTES("# captured\nredis 12/34 [000] 1.000001: 250 cpu-clock:u: \n"
		"\t 7f00 f(int)+0x1c (/lib/c.so)\n\t 4000 main (/bin/r)\n\n"
		"a b 5 2.5: 10 cpu-clock:u: \n\t7f00 f(int)+0x20 (/lib/c.so)\n"),
	  "samples/count cpu/nanoseconds |f(int)@/lib/c.so main@/bin/r 1 250 "
	  "{thread:redis0}{pid:120}{tid:340}|f(int)@/lib/c.so 1 10 {thread:a b0}{tid:50}" },
	{ "perf: several events",
	  BYTES("a 5 2.5:  7 cycles: \n\t1 f (/a)\n\na 5 2.6: 9 page-faults: \n\t1 g (/a)\n\n"
		"a 5 2.7: 3 cycles: \n\t1 f (/a)\n"),
	  "samples/count cycles/count page-faults/count |f@/a 1 7 0 {thread:a0}{tid:50}"
	  "|g@/a 1 0 9 {thread:a0}{tid:50}|f@/a 1 3 0 {thread:a0}{tid:50}" },
	{ "perf: inlined functions",
	  BYTES("a 5 2.5: cycles: \n\t1 f+0x1 (inlined)\n\t1 g<a, b>+0x1 (inlined)\n\t1 h+0x1 "
		"(/a)\n"
		"\t2 h+0x2 (/a)\n\n"),
	  "samples/count |f<g<a, b><h@/a h@/a 1 {thread:a0}{tid:50}" },
	{ "perf: names and files of many kinds",
	  BYTES("a 5 2.5: cycles: \n\t1 operator+ (std::x (y))+0xff (/tmp/a (1): x)\n\t2 [unknown] "
		"([vdso])\n"
		"\t3 (/b c)\n\t4 k\n"),
	  "samples/count |operator+ (std::x (y))@/tmp/a (1): x [unknown]@[vdso] 3@/b c k@ 1 "
	  "{thread:a0}{tid:50}" },
	{ "perf without call chains",
	  BYTES("            make 13 [000] 24.05:    5 cpu-clock:      5585 f+0x85 "
		"(/usr/bin/make)\n"
		"             add 14 [000] 24.06:    5 cpu-clock:      5585 [unknown] "
		"(/usr/bin/make)\n"),
	  "samples/count cpu/nanoseconds |f@/usr/bin/make 1 5 {thread:make0}{tid:130}"
	  "|[unknown]@/usr/bin/make 1 5 {thread:add0}{tid:140}" },
	{ "perf without a thread, or an event",
	  BYTES("   make [000] 24.05:      5585 f (/m)\n   make [000] 24.06:      5586 g (/m)\n"),
	  "samples/count |f@/m 1 {thread:make0}|g@/m 1 {thread:make0}" },
	{ "perf without a time", BYTES("a b 13    5 cpu-clock: \n\t1 f (/m)\n"),
	  "samples/count cpu/nanoseconds |f@/m 1 5 {thread:a b0}{tid:130}" },
	{ "perf with a command alone", BYTES("a b\n\t1 f\n\na\n\t2 g\n"),
	  "samples/count |f@ 1 {thread:a b0}|g@ 1 {thread:a0}" },
	{ "perf with frames alone", BYTES("\n\t1 f\n\t2 g\n\n\t2 g\n"),
	  "samples/count |f@ g@ 1 |g@ 1 " },
	{ "perf with headers alone",
	  BYTES("  de mo 1.5: x  19 2.5: cycles: \n  de mo 1.5: x  19 2.6: cycles: \n"),
	  "samples/count |1 {thread:de mo 1.5: x0}{tid:190}|1 {thread:de mo 1.5: x0}{tid:190}" },
	{ "perf with sources, data addresses and arguments",
	  BYTES("a 5 2.5: sched:sched_switch: next_comm=b\n\t1 f (/a)\n  a.c:5 (inlined)\n\n"
		"a 5 2.6: sched:sched_switch:        ff00\n\t2 g (/a)\n"),
	  "samples/count |f@/a 1 {thread:a0}{tid:50}|g@/a 1 {thread:a0}{tid:50}" },
	{ "perf with records",
	  BYTES("a 5 2.4: PERF_RECORD_MMAP2 5/5: [0x55(0x8) @ 0 fe:00 1 3]: r--p /a\n"
		"a 5 2.5: cycles: \n\t1 f (/a)\n\na 5 2.6: PERF_RECORD_EXIT(5:5)\n"),
	  "samples/count |f@/a 1 {thread:a0}{tid:50}" },
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
	{ "jemalloc heap with accumulated values",
	  BYTES("heap_v2/512\n  t*: 1: 512 [2: 1024]\n@ 0x11\n  t*: 1: 512 [2: 1024]\n"
		"@ 0x21\n  t*: 0: 0 [3: 512]\n"),
	  "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes "
	  "|10@ 3 1619 1 809 {bytes:512}|20@ 10 1806 0 0 {bytes:170}" },
	{ "heap with names",
	  BYTES("--- symbol\nbinary=/bin/x\n0x0000000000000011 malloc\n0x20 outer--inner\n---\n--- "
		"heap\n"
		"heap profile: 1: 10 [1: 10] @ heapprofile\n1: 10 [1: 10] @ 0x11 0x21\n"),
	  "objects/count space/bytes |malloc@/bin/x inner<outer@/bin/x 1 10 {bytes:10}" },
	{ "contention with names",
	  BYTES("--- symbol\n0x10 f\n---\n--- contention\n--- contentionz 1 ---\n500 3 @ 0x11\n"),
	  "contentions/count delay/nanoseconds |f@ 3 500 " },
	{ "contention with an unknown attribute", BYTES("--- contentionz 1 ---\nformat = java\n"),
	  "line 2: unknown attribute" },
	{ "contention with a broken number",
	  BYTES("--- contention:\ncycles/second=99x9\n5 3 @ 0x1\n"), "line 2: unknown attribute" },
	{ "a count with junk", BYTES("goroutine profile: total 1\n1 @ 0x1 0x2 x3 y\n"),
	  "line 2: no sample of a count" },
	{ "a heap without its header", BYTES("heap pile: 2: 300 [2: 300] @ heap_v2/1\n"),
	  "unrecognized profile format" },
	{ "an address too long", BYTES("--- contention:\n500 3 @ 0x11111111111111111\n"),
	  "line 2: an address of more than 64 bits" },
	{ "no header of a heap", BYTES("heap profile: 1: 1 [1: 1] @ heap_v9/1\n"),
	  "line 1: no header of a heap profile" },
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
	{ "cpu, 64 bits, big-endian, without an end",
	  BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x27\x10\0\0\0\0\0\0\0"
		"\0"
		"\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x31"
		"\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\x10"),
	  "samples/count cpu/nanoseconds |10@ 30@ 2 20000000 |10@ 1 10000000 " },
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
