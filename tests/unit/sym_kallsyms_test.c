// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "sym/kallsyms.h"

static int load(const char *text, struct kallsyms **ret, struct err *e)
{
	char path[] = "/tmp/sym_kallsyms_test.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	int rc = kallsyms_load(path, ret, e);
	unlink(path);
	return rc;
}

static const char list[] = "0000000000000000 A fixed_percpu_data\n"
			   "ffffffff81000200 t helper\n"
			   "ffffffff81000000 T __pi__text\n"
			   "ffffffff81000000 t local_first\n"
			   "ffffffff81000000 T start_kernel\n"
			   "ffffffff81000100 W weak_one\n"
			   "ffffffff81000180 D some_data\n"
			   "ffffffffc0000010 t nf_hook\t[nf_tables]\n"
			   "ffffffffc0000020 T last\t[nf_tables]";

static const struct {
	uint64_t addr;
	const char *name, *module; /* NULL: not found */
	uint64_t start;
} cases[] = {
	{ 0, NULL, NULL, 0 },
	{ 0xffffffff80ffffff, NULL, NULL, 0 },
	{ 0xffffffff81000000, "start_kernel", "", 0xffffffff81000000 },
	{ 0xffffffff810000ff, "start_kernel", "", 0xffffffff81000000 },
	{ 0xffffffff81000190, "weak_one", "", 0xffffffff81000100 }, /* data is no function */
	{ 0xffffffff81000200, "helper", "", 0xffffffff81000200 },
	{ 0xffffffffc000001f, "nf_hook", "nf_tables", 0xffffffffc0000010 },
	{ 0xffffffffffffffff, "last", "nf_tables", 0xffffffffc0000020 },
};

static void test_lookup(void **state)
{
	(void)state;
	struct kallsyms *k;
	struct kallsyms_symbol s;
	assert_int_equal(load(list, &k, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(kallsyms_find(k, cases[i].addr, &s), cases[i].name != NULL);
		if (!cases[i].name)
			continue;
		assert_string_equal(s.name, cases[i].name);
		assert_string_equal(s.module, cases[i].module);
		assert_int_equal(s.start, cases[i].start);
	}
	kallsyms_destroy(k);
}

static const struct {
	const char *text;
	int rc;
	const char *says;
} errors[] = {
	{ "0000000000000000 T _text\n0000000000000000 t foo\n", -EPERM, "CAP_SYSLOG" },
	{ "0000000000000000 T _text\n0000000000000000 t foo\n", -EPERM, "kptr_restrict" },
	{ "", -EPERM, "CAP_SYSLOG" },
	{ "ffffffff81000000 T a\nhello\n", -EPROTO, "no list of kernel symbols" },
	{ "ffffffff81000000 TT a\n", -EPROTO, "no list of kernel symbols" },
	{ "ffffffff81000000 T\n", -EPROTO, "no list of kernel symbols" },
	{ "\n", -EPROTO, "no list of kernel symbols" },
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		struct kallsyms *k = NULL;
		struct err e = { 0 };
		assert_int_equal(load(errors[i].text, &k, &e), errors[i].rc);
		assert_non_null(strstr(e.msg, errors[i].says));
		assert_null(k);
	}
	struct kallsyms *k = NULL;
	assert_int_equal(kallsyms_load("/nonexistent", &k, NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
