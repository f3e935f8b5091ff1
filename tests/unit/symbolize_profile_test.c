// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "profile/build.h"
#include "sym_program.h"
#include "symbolize/symbolize.h"

static const char source[] =
	"extern \"C\" __attribute__((noinline)) int plain(volatile int a) { return a * 3; }\n"
	"__attribute__((always_inline)) inline int both(int a) { return plain(a) + plain(a + 1); "
	"}\n"
	"__attribute__((noinline)) int outer(int a) { return both(a) - 1; }\n"
	"int main(int argc, char **) { return outer(argc); }\n";

static const char kernel[] = "ffffffff81000000 T start_kernel\n"
			     "ffffffff81000100 t nf_hook\t[nf_tables]\n";

enum { MAIN, STRIPPED, KERNEL, JIT, BROKEN, MISSING, MAIN_AGAIN, MAPPINGS };

#define BIAS 0x7f0000000000

struct fixture {
	struct program main, stripped;
	int broken_fd;
	char kallsyms[128];
	struct symbolize_source sources[MAPPINGS];
	struct profile *profile;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){ .profile = profile_create() };
	program_write("a.cc", source);
	program_write("kallsyms", kernel);
	program_run("g++ -g -O1 a.cc -o a && strip a -o stripped");
	f->main = program_open("a");
	f->stripped = program_open("stripped");
	snprintf(f->kallsyms, sizeof(f->kallsyms), "%s/kallsyms", program_dir);
	f->broken_fd = open(f->kallsyms, O_RDONLY | O_CLOEXEC);
	f->sources[MAIN] = (struct symbolize_source){
		.kind = SYMBOLIZE_FILE,
		.path = f->main.path,
		.fd = f->main.fd,
		.root_fd = -1,
		.bias = BIAS,
	};
	f->sources[STRIPPED] = (struct symbolize_source){
		.kind = SYMBOLIZE_FILE,
		.path = f->stripped.path,
		.fd = f->stripped.fd,
		.root_fd = -1,
	};
	f->sources[KERNEL] =
		(struct symbolize_source){ .kind = SYMBOLIZE_KERNEL, .path = f->kallsyms };
	f->sources[BROKEN] = (struct symbolize_source){
		.kind = SYMBOLIZE_FILE,
		.path = f->kallsyms,
		.fd = f->broken_fd,
		.root_fd = -1,
	};
	f->sources[MISSING] = (struct symbolize_source){
		.kind = SYMBOLIZE_FILE,
		.path = "/nonexistent",
		.fd = -1,
		.root_fd = -1,
	};
	/* Another mapping of the same file, elsewhere. */
	f->sources[MAIN_AGAIN] = f->sources[MAIN];
	f->sources[MAIN_AGAIN].bias = 2 * (uint64_t)BIAS;
	profile_add_sample_type(f->profile, "samples", "count");
	for (int i = 0; i < MAPPINGS; i++)
		profile_add_mapping(f->profile, &(struct profile_mapping){ 0 });
}

static void teardown(struct fixture *f)
{
	program_close(&f->main);
	program_close(&f->stripped);
	close(f->broken_fd);
	profile_destroy(f->profile);
}

/* "NAME SYSTEM_NAME FILE:LINE START" for each line of a location. */
static void expect_lines(const struct profile *p, uint32_t location, const char *expected)
{
	const struct profile_location *l = &p->locations.items[location];
	struct buf text = { 0 };

	for (uint32_t i = 0; i < l->line_count; i++) {
		const struct profile_line *line = &profile_lines(p, l)[i];
		const struct profile_function *fn = &p->functions.items[line->function];
		const char *file = profile_str(p, fn->filename), *slash = strrchr(file, '/');
		buf_printf(&text, "%s%s %s %s:%d %d", i ? "\n" : "", profile_str(p, fn->name),
			   profile_str(p, fn->system_name), slash ? slash + 1 : file,
			   (int)line->line, (int)fn->start_line);
	}
	assert_string_equal(text.data ? text.data : "", expected);
	buf_deinit(&text);
}

static void expect_flags(const struct profile *p, uint32_t mapping, bool functions, bool filenames,
			 bool lines, bool inlines)
{
	const struct profile_mapping *m = &p->mappings.items[mapping];

	assert_int_equal(m->has_functions, functions);
	assert_int_equal(m->has_filenames, filenames);
	assert_int_equal(m->has_line_numbers, lines);
	assert_int_equal(m->has_inline_frames, inlines);
}

static void test_locations_are_named(void **state)
{
	(void)state;
	struct fixture f;
	setup(&f);
	struct profile *p = f.profile;
	struct symbolize_stats stats;
	char entry[128];
	uint64_t size, plain = program_symbol("a", "plain", NULL);
	uint64_t outer = program_symbol("a", "_Z5outeri", &size);

	/* Interleaved, so that groups do not follow the order of locations. */
	uint32_t in_kernel = profile_add_location(p, KERNEL, 0xffffffff81000123);
	uint32_t in_plain = profile_add_location(p, MAIN, BIAS + plain);
	uint32_t in_stripped = profile_add_location(p, STRIPPED, outer + 1);
	uint32_t again = profile_add_location(p, MAIN_AGAIN, 2 * (uint64_t)BIAS + plain);
	uint32_t lost = profile_add_location(p, PROFILE_NONE, 0x1234);
	uint32_t jit = profile_add_location(p, JIT, 0x5678);
	uint32_t broken = profile_add_location(p, BROKEN, 0x1000);
	uint32_t missing = profile_add_location(p, MISSING, 0x1000);
	uint32_t nowhere = profile_add_location(p, STRIPPED, 0x10000000);
	/* All of outer: its last byte is its own, others are those of the call inlined into it. */
	uint32_t last = UINT32_MAX;
	for (uint64_t at = outer; at < outer + size; at++)
		last = profile_add_location(p, MAIN, BIAS + at);

	assert_int_equal(symbolize_profile(p, f.sources, &stats, NULL), 0);
	assert_int_equal(profile_build_error(p), 0);
	expect_lines(p, in_kernel, "nf_hook nf_hook :0 0");
	expect_lines(p, in_plain, "plain plain a.cc:1 1");
	expect_lines(p, again, "plain plain a.cc:1 1");
	snprintf(entry, sizeof(entry), "[stripped]+0x%lx [stripped]+0x%lx :0 0",
		 (unsigned long)outer, (unsigned long)outer);
	expect_lines(p, in_stripped, entry);
	expect_lines(p, last, "outer(int) _Z5outeri a.cc:3 3");
	bool seen = false;
	for (uint32_t i = nowhere + 1; i <= last; i++) {
		if (p->locations.items[i].line_count != 2)
			continue;
		seen = true;
		const struct profile_line *caller = &profile_lines(p, &p->locations.items[i])[1];
		assert_int_equal(caller->line, 3);
		assert_string_equal(
			profile_str(p, p->functions.items[caller->function].system_name),
			"_Z5outeri");
	}
	assert_true(seen);
	const uint32_t unnamed[] = { lost, jit, broken, missing, nowhere };
	for (size_t i = 0; i < ARRAY_SIZE(unnamed); i++)
		expect_lines(p, unnamed[i], "");

	expect_flags(p, MAIN, true, true, true, true);
	expect_flags(p, MAIN_AGAIN, true, true, true, false);
	expect_flags(p, STRIPPED, true, false, false, false);
	expect_flags(p, KERNEL, true, false, false, false);
	expect_flags(p, JIT, false, false, false, false);
	expect_flags(p, BROKEN, false, false, false, false);
	assert_int_equal(stats.named, p->locations.len - ARRAY_SIZE(unnamed));
	assert_int_equal(stats.unnamed[SYMBOLIZE_NO_MAPPING], 1);
	assert_int_equal(stats.unnamed[SYMBOLIZE_NO_FILE], 1);
	assert_int_equal(stats.unnamed[SYMBOLIZE_UNREADABLE], 2);
	assert_int_equal(stats.unnamed[SYMBOLIZE_NO_SYMBOL], 1);
	assert_int_equal(stats.unnamed[SYMBOLIZE_HIDDEN], 0);
	assert_int_equal(stats.kernel_err.code, 0);
	teardown(&f);
}

static void test_hidden_kernel(void **state)
{
	(void)state;
	struct fixture f;
	setup(&f);
	struct symbolize_stats stats;
	program_write("kallsyms", "0000000000000000 T start_kernel\n");
	uint32_t location = profile_add_location(f.profile, KERNEL, 0xffffffff81000123);
	assert_int_equal(symbolize_profile(f.profile, f.sources, &stats, NULL), 0);
	expect_lines(f.profile, location, "");
	expect_flags(f.profile, KERNEL, false, false, false, false);
	assert_int_equal(stats.unnamed[SYMBOLIZE_HIDDEN], 1);
	assert_int_equal(stats.kernel_err.code, -EPERM);
	assert_non_null(strstr(stats.kernel_err.msg, "CAP_SYSLOG"));
	teardown(&f);
}

static void test_empty_profile(void **state)
{
	(void)state;
	_cleanup_profile_ struct profile *p = profile_create();
	struct symbolize_stats stats;
	assert_int_equal(symbolize_profile(p, NULL, &stats, NULL), 0);
	assert_int_equal(stats.named, 0);
}

static void test_every_reason_has_a_text(void **state)
{
	(void)state;
	for (int i = 0; i < SYMBOLIZE_REASONS; i++)
		assert_true(strlen(symbolize_reason_text(i)) > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locations_are_named),
		cmocka_unit_test(test_hidden_kernel),
		cmocka_unit_test(test_empty_profile),
		cmocka_unit_test(test_every_reason_has_a_text),
	};
	return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
