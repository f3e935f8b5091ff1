// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cmd/gate_keep.h"
#include "cmd/gate_merge.h"
#include "profile/build.h"

/* A profile of one sample of one function. */
static struct profile *profile_of(const char *type, const char *unit, int64_t value)
{
	struct profile *p = profile_create();

	assert_non_null(p);
	profile_add_sample_type(p, type, unit);
	struct profile_mapping m = { .start = 0x1000, .limit = 0x2000, .has_functions = true };
	struct profile_function f = { .name = profile_intern_cstr(p, "work") };
	uint32_t mapping = profile_add_mapping(p, &m);
	struct profile_line line = { .function = profile_add_function(p, &f), .line = 1 };
	uint32_t location = profile_add_location(p, mapping, 0x1010);
	profile_location_set_lines(p, location, &line, 1);
	profile_add_sample(p, &location, 1, &value, NULL, 0);
	assert_int_equal(profile_build_error(p), 0);
	return p;
}

static void test_kinds(void **state)
{
	(void)state;
	static const struct {
		const char *type, *kind;
	} cases[] = {
		{ "cpu", "cpu" },     { "alloc_space", "heap" },    { "inuse_space", "heap" },
		{ "delay", "delay" }, { "goroutine", "goroutine" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct profile *p = profile_of(cases[i].type, "count", 1);

		assert_string_equal(gate_merge_kind(p), cases[i].kind);
		profile_destroy(p);
	}
}

static int64_t total(const struct profile *p)
{
	int64_t sum = 0;

	for (size_t i = 0; i < p->sample_count; i++)
		sum += profile_values(p, i)[0];
	return sum;
}

/* Sides and kinds are added up apart; what only one side has cannot be drawn. */
static void test_merges(void **state)
{
	(void)state;
	static const struct {
		enum gate_side side;
		const char *type;
		int64_t value;
	} runs[] = {
		{ GATE_BASE, "cpu", 10 },
		{ GATE_NEW, "cpu", 30 },
		{ GATE_BASE, "alloc_space", 5 },
		{ GATE_BASE, "cpu", 11 },
	};
	_cleanup_(gate_merge_deinit) struct gate_merge m = { 0 };
	_cleanup_(buf_deinit) struct buf svg = { 0 };
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct profile *p = profile_of(runs[i].type, "count", runs[i].value);
		assert_int_equal(gate_merge_add(&m, runs[i].side, p, 0, &e), 0);
	}
	assert_int_equal(gate_merge_finish(&m, &e), 0);
	assert_int_equal(m.kinds.len, 2);
	assert_string_equal(m.kinds.items[0].kind, "cpu");
	assert_int_equal(total(m.kinds.items[0].profiles[GATE_BASE]), 21);
	assert_int_equal(total(m.kinds.items[0].profiles[GATE_NEW]), 30);
	assert_true(m.kinds.items[0].work[GATE_BASE] == 2);
	assert_string_equal(m.kinds.items[1].kind, "heap");
	assert_int_equal(total(m.kinds.items[1].profiles[GATE_BASE]), 5);
	assert_null(m.kinds.items[1].profiles[GATE_NEW]);
	assert_int_equal(gate_merge_draw(&m, "cpu", &svg, &e), 0);
	assert_non_null(strstr(svg.data, "<svg"));
	assert_int_equal(gate_merge_draw(&m, "alloc_space", &svg, &e), -ENOENT);
}

static size_t count_files(const char *dir)
{
	DIR *d = opendir(dir);
	size_t count = 0;

	assert_non_null(d);
	for (struct dirent *entry; (entry = readdir(d));)
		count += entry->d_name[0] != '.';
	closedir(d);
	return count;
}

static void assert_file(const char *name, bool there)
{
	if ((access(name, F_OK) == 0) != there)
		fail_msg("'%s' is %s", name, there ? "not there" : "there");
}

/* Root can give away what it makes; others own what they make. */
static void assert_given(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_uid, geteuid() == 0 ? 12345 : geteuid());
}

/* What an earlier gate kept of runs goes; what others put there stays. */
static void test_keeps(void **state)
{
	(void)state;
	char root[] = "/tmp/cprofbpf-unit-XXXXXX", here[4096];
	struct gate_keep k;
	struct err e = { 0 };
	struct profile *p = profile_of("cpu", "nanoseconds", 7);
	_cleanup_(buf_deinit) struct buf text = { 0 };

	assert_non_null(getcwd(here, sizeof(here)));
	assert_non_null(mkdtemp(root));
	assert_int_equal(chdir(root), 0);
	assert_int_equal(gate_keep_open(&k, NULL, 5, &e), 0);
	assert_int_equal(gate_keep_profile(&k, GATE_BASE, 1, p, &e), 0);
	assert_int_equal(count_files("."), 0);

	/* As sudo sets them. */
	setenv("SUDO_UID", "12345", 1);
	setenv("SUDO_GID", "12345", 1);
	assert_int_equal(gate_keep_open(&k, "kept", 200, &e), 0);
	assert_int_equal(gate_keep_profile(&k, GATE_NEW, 7, p, &e), 0);
	assert_int_equal(gate_keep_work(&k, GATE_NEW, 7, "cpu", 0.5, &e), 0);
	assert_int_equal(gate_keep_profile(&k, GATE_NEW, 0, p, &e), 0);
	assert_file("kept/new-0007.cpu.pb.gz", true);
	assert_file("kept/new.cpu.pb.gz", true);
	assert_given("kept");
	assert_given("kept/new-0007.cpu.pb.gz");
	assert_given("kept/work.txt");
	assert_int_equal(file_read_all("kept/work.txt", &text, &e), 0);
	assert_string_equal(text.data, "new-0007.cpu.pb.gz 0.5\n");
	assert_int_equal(rename("kept/new.cpu.pb.gz", "kept/mine-0007.cpu.pb.gz"), 0);

	assert_int_equal(gate_keep_open(&k, "kept", 0, &e), 0);
	assert_int_equal(count_files("kept"), 3);
	assert_int_equal(gate_keep_open(&k, "kept", 10, &e), 0);
	assert_int_equal(count_files("kept"), 1);
	assert_int_equal(gate_keep_profile(&k, GATE_BASE, 7, p, &e), 0);
	assert_file("kept/base-07.cpu.pb.gz", true);

	assert_int_equal(gate_keep_open(&k, "kept/mine-0007.cpu.pb.gz/x", 1, &e), -ENOTDIR);
	assert_non_null(strstr(e.msg, "cannot make the directory"));
	assert_int_equal(unlink("kept/base-07.cpu.pb.gz"), 0);
	assert_int_equal(unlink("kept/mine-0007.cpu.pb.gz"), 0);
	assert_int_equal(rmdir("kept"), 0);
	assert_int_equal(chdir(here), 0);
	assert_int_equal(rmdir(root), 0);
	profile_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_merges),
		cmocka_unit_test(test_keeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
