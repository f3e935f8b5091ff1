// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/vec.h"
#include "collect/needed.h"
#include "proc/maps.h"

struct found {
	vec_of(char *) paths;
};

static void found_add(void *ctx, const char *path)
{
	struct found *found = ctx;

	vec_push(&found->paths, strdup(path));
}

static int found_count(const struct found *found, const char *path)
{
	int n = 0;

	vec_for_each(item, &found->paths)
		n += strcmp(*item, path) == 0;
	return n;
}

static void found_deinit(struct found *found)
{
	vec_for_each(item, &found->paths)
		free(*item);
	vec_deinit(&found->paths);
}

/* What the loader has mapped into this very test, each file once. */
static void test_closure_is_what_the_loader_maps(void **state)
{
	(void)state;
	struct found found = { 0 };
	struct proc_maps maps = { 0 };
	int files = 0;

	needed_each("/proc/self/exe", found_add, &found);
	assert_int_equal(proc_maps_read(&maps, getpid(), NULL), 0);
	vec_for_each(m, &maps.mappings) {
		if (!(m->flags & PROC_MAPPING_EXEC) || !proc_mapping_is_file(m))
			continue;
		files++;
		if (found_count(&found, m->path) != 1)
			fail_msg("'%s' is mapped, and found %d times", m->path,
				 found_count(&found, m->path));
	}
	assert_true(files >= 3);
	proc_maps_deinit(&maps);
	found_deinit(&found);
}

static void test_what_is_no_program_needs_nothing(void **state)
{
	(void)state;
	struct found found = { 0 };

	needed_each("/nonexistent/program", found_add, &found);
	assert_int_equal(found.paths.len, 0);
	needed_each("/etc/passwd", found_add, &found);
	assert_int_equal(found.paths.len, 1);
	found_deinit(&found);
}

/* The script, and all that its interpreter needs; a loop of scripts ends. */
static void test_script_needs_its_interpreter(void **state)
{
	(void)state;
	char script[] = "/tmp/needed-XXXXXX", exe[PATH_MAX] = "";
	struct found found = { 0 };
	int fd = mkstemp(script);

	assert_true(fd >= 0);
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_true(dprintf(fd, "#! %s -e\n", exe) > 0);
	needed_each(script, found_add, &found);
	assert_int_equal(found_count(&found, script), 1);
	assert_int_equal(found_count(&found, exe), 1);
	assert_true(found.paths.len >= 4);
	found_deinit(&found);

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_true(lseek(fd, 0, SEEK_SET) == 0 && dprintf(fd, "#!%s", script) > 0);
	needed_each(script, found_add, &found);
	assert_int_equal(found.paths.len, 1);
	found_deinit(&found);
	close(fd);
	unlink(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closure_is_what_the_loader_maps),
		cmocka_unit_test(test_what_is_no_program_needs_nothing),
		cmocka_unit_test(test_script_needs_its_interpreter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
