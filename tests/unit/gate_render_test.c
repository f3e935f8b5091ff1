// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Every format of several verdicts, as tests/unit/gate_render/ has them. `gate_render_test write`
 * writes those files anew; what changed is then to be read.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/fd.h"
#include "gate/render.h"
#include "gate_program.h"

#define EXPECTED "tests/unit/gate_render"

static bool writing;

/* ---- Verdicts ---- */

#define MACHINE_A(seconds)                                                                         \
	{                                                                                          \
		"# host: a", "# kernel: Linux 6.1 x86_64", "# cpus: 2 Example CPU",                \
			"# cpu: sampled " seconds " s, kernel's count " seconds " s"               \
	}

static const struct program plain = { { { "main;run;parse;lex", 20 },
					{ "main;run;parse", 10 },
					{ "main;run;eval", 40 },
					{ "main;run;print", 20 },
					{ "main;init", 10 } },
				      PROGRAM_NOISE,
				      .comments = MACHINE_A("2.00") };

static const struct {
	const char *name;
	struct program_stack changes[8]; /* of plain, on the new side */
	const char *comments[4];
	size_t runs;
	const char *key, *value; /* of the policy; NULL: none */
	enum gate_outcome outcome;
} judged[] = {
	{ "pass", { { 0 } }, MACHINE_A("2.00"), 10, NULL, NULL, GATE_PASS },
	{ "regression",
	  { { "main;run;parse;lex", 24 } },
	  MACHINE_A("2.08"),
	  10,
	  NULL,
	  NULL,
	  GATE_REGRESSION },
	{ "improved",
	  { { "main;run;eval", 30 } },
	  MACHINE_A("1.80"),
	  10,
	  NULL,
	  NULL,
	  GATE_IMPROVED },
	{ "moved",
	  { { "main;run;parse", 15 }, { "main;run;eval", 35 } },
	  MACHINE_A("2.00"),
	  10,
	  NULL,
	  NULL,
	  GATE_MOVED },
	{ "strict",
	  { { "main;run;parse", 15 }, { "main;run;eval", 35 } },
	  MACHINE_A("2.00"),
	  10,
	  "strict",
	  "true",
	  GATE_REGRESSION },
	{ "renamed",
	  { { "main;run;parse;lex", 0 },
	    { "main;run;parse.part.0;lex2", 20 },
	    { "main;init", 0 },
	    { "main;setup", 10 } },
	  MACHINE_A("2.00"),
	  10,
	  NULL,
	  NULL,
	  GATE_PASS },
	{ "few_runs",
	  { { "main;run;parse;lex", 24 } },
	  MACHINE_A("2.08"),
	  3,
	  NULL,
	  NULL,
	  GATE_INCONCLUSIVE },
	{ "single",
	  { { "main;run;parse;lex", 40 } },
	  MACHINE_A("2.40"),
	  1,
	  NULL,
	  NULL,
	  GATE_INCONCLUSIVE },
	{ "machines",
	  { { 0 } },
	  { "# host: b", "# kernel: Linux 6.12 x86_64", "# cpus: 4 Other CPU" },
	  10,
	  NULL,
	  NULL,
	  GATE_INCONCLUSIVE },
	{ "two_metrics",
	  { { "main;run;parse;lex", 24 } },
	  MACHINE_A("2.08"),
	  10,
	  "metrics",
	  "cpu,samples",
	  GATE_REGRESSION },
	/* The samples do not tell how much the CPU time rose, but that it did. */
	{ "coverage",
	  { { "main;run;parse;lex", 24 } },
	  MACHINE_A("2.40"),
	  10,
	  NULL,
	  NULL,
	  GATE_REGRESSION },
};

/* Names as an enemy would choose them, for each format. */
#define CURSOR  "\033[2J\rcursor"
#define MARKUP  "</failure>&lt;\"'<script>]]>"
#define TABLE   "a|b ``c` | *d* _e_ @all #1 $x$"
#define COMMAND "x\n::error::%0A,y:z"
#define BYTES   "\xff\xc3(\xed\xa0\x80\xf5 \xe2\x80\xae \xc2\x9b \xe2\x82\xac"

#define CHANGE(b, n, p)                                                                            \
	{                                                                                          \
		b, n, (n) / (b), (n) / (b)*0.99, (n) / (b)*1.01, p, p                              \
	}

static struct gate_verdict *hostile_verdict(void)
{
	static struct gate_verdict v;
	static const struct gate_row rows[] = {
		{ .name = CURSOR,
		  .file = "/src/a.c",
		  .line = 7,
		  .state = GATE_REGRESSED,
		  .culprit = true,
		  .own = CHANGE(2e9, 3e9, 1e-5),
		  .cum = CHANGE(3e9, 4e9, 1e-4),
		  .caller = TABLE,
		  .caller_part = 0.934,
		  .through = COMMAND,
		  .floors = { 0.01, 0.05, 0.01 } },
		{ .name = MARKUP,
		  .file = "./b,c:d%.c",
		  .line = 0,
		  .state = GATE_SUSPECT,
		  .own = CHANGE(1e9, 2e9, 0.01),
		  .cum = CHANGE(1e9, 2e9, 0.01) },
		{ .name = TABLE,
		  .file = "/elsewhere/|`.c",
		  .line = 9,
		  .state = GATE_WARNING,
		  .by_cum = true,
		  .own = CHANGE(1, 1, NAN),
		  .cum = CHANGE(5e5, 6e5, 0.001) },
		{ .name = COMMAND,
		  .file = "c.c",
		  .state = GATE_BETTER,
		  .through = BYTES,
		  .own = CHANGE(8e8, 1e8, 1e-9),
		  .cum = CHANGE(8e8, 1e8, NAN) },
		{ .name = BYTES,
		  .file = "",
		  .state = GATE_ROW_MOVED,
		  .own = { 0, 4e8, INFINITY, NAN, NAN, 1e-9, 1e-9 },
		  .caller = BYTES,
		  .caller_part = 1 },
		{ .name = "main",
		  .file = "",
		  .state = GATE_CALLEES,
		  .by_cum = true,
		  .cum = { 4e9, 5e9, 1.25, 1.2, INFINITY, 1e-9, 1e-9 } },
		{ .name = "gc", .file = "", .state = GATE_IGNORED, .own = CHANGE(1e9, 2e9, NAN) },
		{ .name = " ", .file = "", .state = GATE_SAME, .own = CHANGE(1e9, 1.00002e9, 0.5) },
	};
	static const struct gate_folded folded[] = {
		{ .name = MARKUP, .base = 0, .new = 2e9, .into = TABLE },
		{ .name = COMMAND, .base = 3e6, .new = 0, .into = NULL },
		{ .name = "a", .base = 5e6, .new = 0, .into = "main" },
		{ .name = "b", .base = 4e6, .new = 0, .into = "main" },
		{ .name = "c", .base = 3e6, .new = 0, .into = "main" },
		{ .name = "d", .base = 2e6, .new = 0, .into = "main" },
		{ .name = "e", .base = 1e6, .new = 0, .into = "main" },
	};
	static const struct gate_reason reasons[] = { { GATE_MACHINES, "the CPU: '" TABLE "'", 0 },
						      { GATE_FEW_RUNS, COMMAND, 12 } };
	static const char *const notes[] = { MARKUP, BYTES };
	static struct gate_metric metrics[] = {
		{ .name = "cpu",
		  .unit = "nanoseconds",
		  .alpha = 0.001,
		  .outcome = GATE_REGRESSION,
		  .base_runs = 10,
		  .new_runs = 12,
		  .base_samples = 40000,
		  .new_samples = 51000,
		  .total = CHANGE(2e9, 2.4e9, 1e-5),
		  .total_state = GATE_REGRESSED,
		  .floors = { 0.01, 0.05, 0.01 },
		  .moved = CHANGE(1e9, 1.5e9, 1e-6),
		  .rusage = CHANGE(2.1, 2.5, 1e-5),
		  .tests = 6,
		  .visible = 0.0234,
		  .self = { 1000, 2, 0.00629 },
		  .power_rise = 0.05,
		  .power_runs = 14 },
		{ .name = TABLE,
		  .unit = MARKUP,
		  .alpha = 0.001,
		  .outcome = GATE_INCONCLUSIVE,
		  .base_runs = 1,
		  .new_runs = 1,
		  .total = { 0, 0, 1, NAN, NAN, NAN, NAN },
		  .moved = { .p = NAN },
		  .rusage = { .p = NAN },
		  .visible = NAN,
		  .by_counts = true,
		  .power_rise = 0.001 },
	};
	struct gate_metric *m = &metrics[0], *n = &metrics[1];
	m->rows.items = n->rows.items = (struct gate_row *)rows;
	m->rows.len = n->rows.len = ARRAY_SIZE(rows);
	m->folded.items = (struct gate_folded *)folded;
	m->folded.len = ARRAY_SIZE(folded);
	n->reasons.items = (struct gate_reason *)reasons;
	n->reasons.len = ARRAY_SIZE(reasons);
	m->notes.items = (const char **)notes;
	m->notes.len = ARRAY_SIZE(notes);
	v = (struct gate_verdict){
		.outcome = GATE_REGRESSION,
		.alpha = 0.002,
		.seed = INT64_MAX,
		.strict = true,
		.machines = { { COMMAND, MARKUP, BYTES, 2 }, { "", "", "", 0 } },
	};
	v.metrics.items = metrics;
	v.metrics.len = ARRAY_SIZE(metrics);
	return &v;
}

/* ---- Formats ---- */

static int render_wide(const struct gate_verdict *v, struct buf *to)
{
	return gate_render_table(v, &(struct gate_table_options){ .all = true }, to);
}

static int render_short(const struct gate_verdict *v, struct buf *to)
{
	return gate_render_table(v, &(struct gate_table_options){ 0 }, to);
}

static int render_narrow(const struct gate_verdict *v, struct buf *to)
{
	return gate_render_table(v, &(struct gate_table_options){ .colour = true, .width = 110 },
				 to);
}

static int render_github(const struct gate_verdict *v, struct buf *to)
{
	return gate_render_github(v, "/src/", NULL, to);
}

static const struct {
	const char *suffix;
	int (*render)(const struct gate_verdict *v, struct buf *to);
} formats[] = {
	{ "txt", render_wide },       { "narrow", render_narrow },    { "json", gate_render_json },
	{ "xml", gate_render_junit }, { "md", gate_render_markdown }, { "github", render_github },
};

/* ---- Comparing ---- */

static void write_file(const char *path, const struct buf *text)
{
	_cleanup_fclose_ FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text->data, 1, text->len, f), text->len);
}

static void check_file(const char *path, const struct buf *text)
{
	_cleanup_(buf_deinit) struct buf expected = { 0 };
	struct err e = { 0 };
	size_t line = 1, at = 0;

	if (file_read_all(path, &expected, &e) < 0)
		fail_msg("%s", e.msg);
	for (; at < text->len && at < expected.len && text->data[at] == expected.data[at]; at++)
		line += text->data[at] == '\n';
	if (at < text->len || at < expected.len)
		fail_msg("%s:%zu: expected '%.60s', got '%.60s'", path, line, expected.data + at,
			 text->data + at);
}

static void check_formats(const char *name, const struct gate_verdict *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		_cleanup_(buf_deinit) struct buf text = { 0 }, again = { 0 };
		char path[256];
		snprintf(path, sizeof(path), EXPECTED "/%s.%s.golden", name, formats[i].suffix);
		assert_int_equal(formats[i].render(v, &text), 0);
		assert_int_equal(formats[i].render(v, &again), 0);
		assert_int_equal(text.len, again.len);
		if (writing)
			write_file(path, &text);
		else
			check_file(path, &text);
	}
}

static void test_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(judged); i++) {
		_cleanup_(gate_policy_deinit) struct gate_policy policy;
		gate_policy_init(&policy);
		if (judged[i].key)
			assert_int_equal(
				gate_policy_set(&policy, judged[i].key, judged[i].value, NULL), 0);
		struct program new = program_changed(&plain, judged[i].changes);
		memcpy(new.comments, judged[i].comments, sizeof(new.comments));
		_cleanup_gate_verdict_ struct gate_verdict *v =
			program_judge(&plain, judged[i].runs, &new, judged[i].runs, 2, &policy);
		if (v->outcome != judged[i].outcome)
			fail_msg("%s: %s", judged[i].name, gate_outcome_name(v->outcome));
		check_formats(judged[i].name, v);
	}
}

static void test_hostile(void **state)
{
	(void)state;
	check_formats("hostile", hostile_verdict());
}

/* ---- What holds of all of them ---- */

/* No text, however hostile, moves the cursor, turns the line round or breaks a reader. */
static void test_clean(void **state)
{
	(void)state;
	static const char *const bad[] = { "\033[2J",       "\r",           "\x7f",
					   "\xff",          "\xc3(",        "\xed\xa0\x80",
					   "\xf5",          "\xe2\x80\xae", "\xc2\x9b",
					   "\n::error::%0A" };
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		_cleanup_(buf_deinit) struct buf text = { 0 };
		assert_int_equal(formats[i].render(hostile_verdict(), &text), 0);
		for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
			bool json = formats[i].render == gate_render_json;
			if (!(json && strchr("\x7f\xe2\xc2", bad[k][0])) &&
			    strstr(text.data, bad[k]))
				fail_msg("%s has bad text %zu", formats[i].suffix, k);
		}
		assert_non_null(strstr(text.data, "\xef\xbf\xbd("));
	}
}

static void test_junit_schema(void **state)
{
	(void)state;
	char command[512];
	for (size_t i = 0; i <= ARRAY_SIZE(judged); i++) {
		const char *name = i < ARRAY_SIZE(judged) ? judged[i].name : "hostile";
		snprintf(command, sizeof(command),
			 "xmllint --noout --nonet --schema tests/unit/gate_junit.xsd " EXPECTED
			 "/%s.xml.golden 2>/dev/null",
			 name);
		if (system(command) != 0)
			fail_msg("%s.xml is not valid", name);
	}
}

static void test_json_is_read_back(void **state)
{
	(void)state;
	_cleanup_(buf_deinit) struct buf text = { 0 };
	json_error_t error;
	assert_int_equal(gate_render_json(hostile_verdict(), &text), 0);
	json_t *o = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!o)
		fail_msg("line %d: %s", error.line, error.text);
	json_t *metric = json_array_get(json_object_get(o, "metrics"), 0);
	json_t *rows = json_object_get(metric, "functions");
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "name")),
			    CURSOR);
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 3), "name")),
			    COMMAND);
	json_t *own = json_object_get(json_array_get(rows, 4), "own");
	assert_true(json_is_null(json_object_get(own, "ratio")));
	assert_true(json_real_value(json_object_get(own, "new")) == 4e8);
	assert_true(json_integer_value(json_object_get(o, "seed")) == INT64_MAX);
	json_decref(o);
}

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		count++;
	return count;
}

/* A verdict with many functions of long names, every other one regressed. */
static void render_many(size_t count, int (*render)(const struct gate_verdict *, struct buf *),
			struct buf *to)
{
	static char names[500][400];
	static struct gate_row rows[500];
	struct gate_metric metric = { .name = "cpu",
				      .unit = "nanoseconds",
				      .outcome = GATE_REGRESSION,
				      .rusage = { .p = NAN },
				      .moved = { .p = NAN },
				      .visible = NAN };
	struct gate_verdict v = { .outcome = GATE_REGRESSION,
				  .machines = { { "", "", "", 0 }, { "", "", "", 0 } } };
	for (size_t i = 0; i < count; i++) {
		memset(names[i], '`', sizeof(names[i]) - 1);
		rows[i] = (struct gate_row){ .name = names[i],
					     .file = "a.c",
					     .line = 1,
					     .own = CHANGE(1e9, 2e9, 1e-5),
					     .state = i % 2 ? GATE_REGRESSED : GATE_SAME };
	}
	metric.rows.items = rows;
	metric.rows.len = count;
	v.metrics.items = &metric;
	v.metrics.len = 1;
	assert_int_equal(render(&v, to), 0);
}

static void test_markdown_fits(void **state)
{
	(void)state;
	bool full = false;
	for (size_t count = 1; count <= 500; count += count < 200 ? 1 : 100) {
		_cleanup_(buf_deinit) struct buf text = { 0 };
		render_many(count, gate_render_markdown, &text);
		assert_true(text.len <= 65536);
		assert_int_equal(count_of(text.data, "<details>"),
				 count_of(text.data, "</details>"));
		assert_int_equal(count_of(text.data, "<sub>alpha"), 1);
		bool left_out = strstr(text.data, "did not fit") != NULL;
		assert_true(left_out || !full);
		full = left_out;
		/* What is left out is what did not fit, or its end. */
		assert_true(!left_out || text.len > 65536 - 2000);
	}
	assert_true(full);
}

/* A table is short: the first rows, unless all are wanted. */
static void test_table_is_short(void **state)
{
	(void)state;
	_cleanup_(buf_deinit) struct buf text = { 0 };
	render_many(100, render_short, &text);
	assert_int_equal(count_of(text.data, " regressed "), 15);
	assert_non_null(strstr(text.data, "  35 functions more changed: --all lists them\n"));
	_cleanup_(buf_deinit) struct buf all = { 0 };
	render_many(100, render_wide, &all);
	assert_int_equal(count_of(all.data, " regressed "), 50);
	assert_null(strstr(all.data, "--all"));
}

static void test_github_paths(void **state)
{
	(void)state;
	static const struct {
		const char *root, *file, *expected;
	} paths[] = {
		{ "/home/w", "/home/w/a.c", "file=a.c," },
		{ "/home/w/", "/home/w/d/a.c", "file=d/a.c," },
		{ "/home/w", "/home/world/a.c", NULL },
		{ "/home/w", "/home/w", NULL },
		{ "/", "/usr/a.c", "file=usr/a.c," },
		{ "", "/usr/a.c", NULL },
		{ NULL, "/usr/a.c", NULL },
		{ NULL, "d/a.c", "file=d/a.c," },
		{ "/home/w", "./a.c", "file=a.c," },
		{ "/home/w", "", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_(buf_deinit) struct buf text = { 0 };
		struct gate_row row = {
			.name = "f", .file = paths[i].file, .line = 3, .state = GATE_REGRESSED
		};
		struct gate_metric metric = { .name = "cpu",
					      .unit = "count",
					      .outcome = GATE_REGRESSION };
		struct gate_verdict v = { .outcome = GATE_REGRESSION };
		metric.rows.items = &row;
		metric.rows.len = 1;
		v.metrics.items = &metric;
		v.metrics.len = 1;
		assert_int_equal(gate_render_github(&v, paths[i].root, NULL, &text), 0);
		if (paths[i].expected)
			assert_non_null(strstr(text.data, paths[i].expected));
		else
			assert_null(strstr(text.data, "file="));
	}
}

static bool has_only_a(const char *root, const char *name)
{
	assert_string_equal(root, "/home/w");
	return strcmp(name, "a.c") == 0;
}

/* What is not in the checkout gets no annotation, unless it is to blame. */
static void test_github_missing_files(void **state)
{
	(void)state;
	struct gate_row rows[] = {
		{ .name = "f", .file = "/home/w/a.c", .line = 3, .state = GATE_REGRESSED },
		{ .name = "g", .file = "./malloc/./malloc.c", .line = 3, .state = GATE_REGRESSED },
		{ .name = "h", .file = "/usr/b.c", .line = 3, .state = GATE_REGRESSED },
	};
	struct gate_metric metric = { .name = "cpu", .unit = "count", .outcome = GATE_REGRESSION };
	struct gate_verdict v = { .outcome = GATE_REGRESSION };
	metric.rows.items = rows;
	metric.rows.len = ARRAY_SIZE(rows);
	v.metrics.items = &metric;
	v.metrics.len = 1;
	for (size_t culprit = 0; culprit < ARRAY_SIZE(rows); culprit++) {
		_cleanup_(buf_deinit) struct buf text = { 0 };
		rows[culprit].culprit = true;
		assert_int_equal(gate_render_github(&v, "/home/w", has_only_a, &text), 0);
		/* One of the total. */
		assert_int_equal(count_of(text.data, "::error "), culprit == 0 ? 2 : 3);
		assert_int_equal(count_of(text.data, "file=a.c,line=3"), 1);
		assert_int_equal(count_of(text.data, "file="), 1);
		rows[culprit].culprit = false;
	}
}

static void test_github_limits(void **state)
{
	(void)state;
	_cleanup_(buf_deinit) struct buf text = { 0 };
	render_many(100, render_github, &text);
	assert_int_equal(count_of(text.data, "::error "), 10);
	assert_int_equal(count_of(text.data, "\n"), 10);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judged),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_junit_schema),
		cmocka_unit_test(test_json_is_read_back),
		cmocka_unit_test(test_markdown_fits),
		cmocka_unit_test(test_table_is_short),
		cmocka_unit_test(test_github_paths),
		cmocka_unit_test(test_github_missing_files),
		cmocka_unit_test(test_github_limits),
	};
	writing = argc > 1 && strcmp(argv[1], "write") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
