// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* When there is no verdict, and what is no part of one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gate_program.h"

/* 100 / 19 is 5.3% each, so 19 functions of more than 1%. */
static struct program wide_program(void)
{
	static char stacks[19][16];
	struct program p = { { { 0 } }, PROGRAM_NOISE };

	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		snprintf(stacks[i], sizeof(stacks[i]), "main;f%zu", i);
		p.stacks[i] = (struct program_stack){ stacks[i], 100.0 / ARRAY_SIZE(stacks) };
	}
	return p;
}

/* The one reason there is, NULL if there is none. */
static const struct gate_reason *only_reason(const struct gate_verdict *v)
{
	const struct gate_metric *m = &v->metrics.items[0];

	assert_true(m->reasons.len <= 1);
	return m->reasons.len ? &m->reasons.items[0] : NULL;
}

static void test_few_runs(void **state)
{
	(void)state;
	struct program wide = wide_program();
	static const struct {
		size_t base, new;
		bool wide;
		enum gate_outcome outcome;
		enum gate_reason_kind kind;
		size_t runs;
		const char *text;
	} few[] = {
		{ 3, 3, false, GATE_INCONCLUSIVE, GATE_FEW_RUNS, 7,
		  "3 and 3 runs are too few: their smallest p is 0.1, not 0.002; 7 a side can "
		  "decide" },
		{ 6, 6, false, GATE_INCONCLUSIVE, GATE_FEW_RUNS, 7, NULL },
		{ 7, 7, false, GATE_PASS, 0, 0, NULL },
		{ 8, 8, true, GATE_INCONCLUSIVE, GATE_FEW_RUNS_FUNCTIONS, 9,
		  "8 and 8 runs are too few to judge functions: the smallest p of 19 tests is "
		  "0.003, not 0.002; 9 a side can" },
		{ 9, 9, true, GATE_PASS, 0, 0, NULL },
		{ 20, 4, true, GATE_INCONCLUSIVE, GATE_FEW_RUNS_FUNCTIONS, 9, NULL },
	};
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	for (size_t i = 0; i < ARRAY_SIZE(few); i++) {
		const struct program *p = few[i].wide ? &wide : &program_flat;
		_cleanup_gate_verdict_ struct gate_verdict *v =
			program_judge(p, few[i].base, p, few[i].new, 4, &policy);
		const struct gate_reason *r = only_reason(v);
		assert_int_equal(v->outcome, few[i].outcome);
		assert_int_equal(r != NULL, few[i].runs != 0);
		if (!r)
			continue;
		assert_int_equal(r->kind, few[i].kind);
		assert_int_equal(r->runs, few[i].runs);
		if (few[i].text)
			assert_string_equal(r->text, few[i].text);
	}
	/* A regression of the total needs no functions to be judged. */
	struct program heavier = wide;
	heavier.stacks[3].weight += 10;
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&wide, 8, &heavier, 8, 4, &policy);
	assert_int_equal(v->outcome, GATE_REGRESSION);
	assert_string_equal(program_culprit(v), "f3");
	assert_int_equal(program_row(v, "f3")->state, GATE_SUSPECT);
}

/* One profile a side: counts can warn, never fail. */
static void test_single_profiles(void **state)
{
	(void)state;
	struct program doubled = program_flat;
	doubled.stacks[0].weight = 60;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&program_flat, 1, &doubled, 1, 1, &policy);
	const struct gate_metric *m = &v->metrics.items[0];
	assert_int_equal(v->outcome, GATE_INCONCLUSIVE);
	assert_true(m->by_counts && m->total_state == GATE_WARNING);
	assert_int_equal(program_row(v, "parse")->state, GATE_WARNING);
	assert_int_equal(program_row(v, "eval")->state, GATE_SAME);
	const struct gate_change *own = &program_row(v, "parse")->own;
	/* 1,200 and 2,400 samples, runs that vary by 5%. */
	double error = sqrt(1 / 1200.5 + 1 / 2400.5 + 2 * 0.05 * 0.05);
	assert_true(fabs(log(own->high / own->low) / (2 * 1.96 * error) - 1) < 0.03);
	assert_string_equal(only_reason(v)->text,
			    "1 and 1 runs are too few: their smallest p is 1, not 0.002; 7 a side "
			    "can decide");
	/* Of equal ones nothing is said, but that they are too few. */
	_cleanup_gate_verdict_ struct gate_verdict *same =
		program_judge(&program_flat, 1, &program_flat, 1, 2, &policy);
	assert_int_equal(same->outcome, GATE_INCONCLUSIVE);
	vec_for_each(row, &same->metrics.items[0].rows)
		assert_int_equal(row->state, GATE_SAME);
}

static void test_resolution(void **state)
{
	(void)state;
	struct program noisy = program_flat, big = program_flat;
	noisy.run_noise = 0.08;
	big.run_noise = 0.08;
	big.stacks[1].weight = 120;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&noisy, 10, &noisy, 10, 1, &policy);
	const struct gate_reason *r = only_reason(v);
	assert_int_equal(v->outcome, GATE_INCONCLUSIVE);
	assert_int_equal(r->kind, GATE_RESOLUTION);
	/* Runs vary by 5.6% here: power 0.9 at 2.26 of that (scipy's nct), for 10% with 15 a side.
	 */
	assert_true(fabs(v->metrics.items[0].visible - 0.1263) < 0.0005);
	assert_int_equal(r->runs, 15);
	assert_non_null(strstr(r->text, "go unseen; 15 a side would see a rise of 10%"));
	/* What is there is seen all the same. */
	_cleanup_gate_verdict_ struct gate_verdict *found =
		program_judge(&noisy, 10, &big, 10, 1, &policy);
	assert_int_equal(found->outcome, GATE_REGRESSION);
	/* Noise that the policy accepts. */
	assert_int_equal(gate_policy_set(&policy, "resolution", "50%", NULL), 0);
	_cleanup_gate_verdict_ struct gate_verdict *accepted =
		program_judge(&noisy, 10, &noisy, 10, 1, &policy);
	assert_int_equal(accepted->outcome, GATE_PASS);
}

static void test_few_samples(void **state)
{
	(void)state;
	struct program quick = program_flat;
	quick.samples = 90;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&quick, 10, &quick, 10, 1, &policy);
	assert_int_equal(v->outcome, GATE_INCONCLUSIVE);
	assert_string_equal(only_reason(v)->text,
			    "90 and 90 samples a run are too few, 100 are needed: profile 2 times "
			    "as long or as often");
	/* Commands last as long as they do. */
	_cleanup_gate_runs_ struct gate_runs *runs = gate_runs_create();
	struct prng rng;
	prng_init(&rng, 1);
	for (int i = 0; i < 20; i++) {
		struct gate_facts facts = { .order = i + 1, .cpu_seconds = 0.015 };
		struct program p = program_flat;
		p.samples = 30;
		p.run_noise = p.stack_noise = 0;
		program_add(runs, i % 2, &p, 1, &facts, &policy, &rng);
	}
	_cleanup_gate_verdict_ struct gate_verdict *command = program_judge_runs(runs, &policy);
	assert_string_equal(only_reason(command)->text,
			    "30 and 30 samples a run are too few, 100 are needed: let a run do 4 "
			    "times the work");
	quick.samples = 100;
	quick.run_noise = quick.stack_noise = 0;
	_cleanup_gate_verdict_ struct gate_verdict *enough =
		program_judge(&quick, 10, &quick, 10, 1, &policy);
	assert_null(only_reason(enough));
	/* Where every call was counted, 50 are all there are. */
	struct program counted = quick;
	counted.run_noise = counted.stack_noise = 0;
	counted.samples = 50;
	counted.exact = true;
	counted.type = "alloc_objects";
	counted.unit = "count";
	struct program one_more = counted;
	one_more.stacks[2].weight += 2;
	_cleanup_gate_verdict_ struct gate_verdict *exact =
		program_judge(&counted, 10, &counted, 10, 1, &policy);
	assert_int_equal(exact->outcome, GATE_PASS);
	_cleanup_gate_verdict_ struct gate_verdict *risen =
		program_judge(&counted, 10, &one_more, 10, 1, &policy);
	assert_int_equal(risen->outcome, GATE_REGRESSION);
	assert_string_equal(program_culprit(risen), "print");
	/* Nothing at all is too few of CPU time, but nothing to wait for is good news. */
	struct program idle = program_flat, uncontended = program_flat;
	idle.samples = 0.1;
	uncontended.samples = 0.1;
	uncontended.type = "delay";
	uncontended.unit = "nanoseconds";
	_cleanup_gate_verdict_ struct gate_verdict *asleep =
		program_judge(&idle, 10, &idle, 10, 1, &policy);
	assert_int_equal(asleep->outcome, GATE_INCONCLUSIVE);
	_cleanup_gate_verdict_ struct gate_verdict *calm =
		program_judge(&uncontended, 10, &uncontended, 10, 1, &policy);
	assert_int_equal(calm->outcome, GATE_PASS);
	struct program contended = uncontended;
	contended.samples = 4000;
	_cleanup_gate_verdict_ struct gate_verdict *waits =
		program_judge(&uncontended, 10, &contended, 10, 1, &policy);
	assert_int_equal(waits->outcome, GATE_REGRESSION);
	assert_true(isinf(waits->metrics.items[0].total.ratio));
}

static const struct {
	const char *base[4], *new[4], *reason, *note;
} machines[] = {
	{ { "# cpus: 2 A", "# kernel: L 6.1", "# host: h" },
	  { "# cpus: 2 A", "# kernel: L 6.1", "# host: h" },
	  NULL,
	  NULL },
	{ { "# cpus: 2 A" },
	  { "# cpus: 2 B" },
	  "the CPU is not the same in all runs: 'A' (base), 'B' (new)",
	  NULL },
	{ { "# cpus: 2 A" },
	  { "# cpus: 4 A" },
	  "the number of CPUs is not the same in all runs: '2' (base), '4' (new)",
	  NULL },
	{ { "# kernel: L 6.1" },
	  { "# kernel: L 6.2" },
	  "the kernel is not the same in all runs: 'L 6.1' (base), 'L 6.2' (new)",
	  NULL },
	{ { "# kernel: L 6.1", "# host: a" },
	  { "# kernel: L 6.1", "# host: b" },
	  NULL,
	  "the host is not the same in all runs: 'a' (base), 'b' (new)" },
	{ { "by hand" }, { NULL }, NULL, "the profiles do not tell what machine they are from" },
	{ { "# cpus: 2 A" }, { NULL }, NULL, NULL },
};

static void test_machines(void **state)
{
	(void)state;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		struct program base = program_flat, new = program_flat;
		memcpy(base.comments, machines[i].base, sizeof(base.comments));
		memcpy(new.comments, machines[i].new, sizeof(new.comments));
		_cleanup_gate_verdict_ struct gate_verdict *v =
			program_judge(&base, 8, &new, 8, 1, &policy);
		const struct gate_metric *m = &v->metrics.items[0];
		const struct gate_reason *r = only_reason(v);
		assert_int_equal(v->outcome, machines[i].reason ? GATE_INCONCLUSIVE : GATE_PASS);
		if (machines[i].reason)
			assert_string_equal(r->text, machines[i].reason);
		assert_int_equal(m->notes.len, machines[i].note != NULL);
		if (machines[i].note)
			assert_string_equal(m->notes.items[0], machines[i].note);
	}
}

/* What stopped before its end is no verdict; what is only worth knowing changes none. */
static void test_stop_and_note(void **state)
{
	(void)state;
	char why[] = "interrupted after 9 of 20 runs", text[] = "ended early";
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	assert_int_equal(gate_policy_set(&policy, "metrics", "cpu,samples", NULL), 0);
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&program_flat, 10, &program_slower, 10, 1, &policy);
	size_t notes = v->metrics.items[1].notes.len;
	assert_int_equal(gate_verdict_note(v, text), 0);
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(v->outcome, GATE_REGRESSION);
	assert_int_equal(v->metrics.items[1].notes.len, notes + 1);
	assert_string_equal(v->metrics.items[1].notes.items[notes], "ended early");
	assert_int_equal(gate_verdict_stop(v, why), 0);
	memset(why, 'x', sizeof(why) - 1);
	assert_int_equal(v->outcome, GATE_INCONCLUSIVE);
	vec_for_each(m, &v->metrics) {
		assert_int_equal(m->outcome, GATE_INCONCLUSIVE);
		assert_int_equal(m->reasons.len, 1);
		assert_int_equal(m->reasons.items[0].kind, GATE_STOPPED);
		assert_string_equal(m->reasons.items[0].text, "interrupted after 9 of 20 runs");
	}
}

#define KERNEL_COUNT(seconds) "# cpu: sampled 1.00 s, kernel's count " seconds " s"

/* Samples that changed while the CPU time did not are lost ones; if both did, how much is no
 * matter. */
static void test_coverage(void **state)
{
	(void)state;
	static const struct {
		double samples;
		const char *kernel;
		bool disagree;
		enum gate_outcome outcome;
	} sides[] = {
		{ 3600, KERNEL_COUNT("2.00"), true, GATE_INCONCLUSIVE },
		{ 4400, KERNEL_COUNT("2.00"), true, GATE_INCONCLUSIVE },
		{ 4000, KERNEL_COUNT("2.40"), true, GATE_INCONCLUSIVE },
		{ 4400, KERNEL_COUNT("1.60"), true, GATE_INCONCLUSIVE },
		{ 3600, KERNEL_COUNT("1.80"), false, GATE_IMPROVED },
		{ 3600, KERNEL_COUNT("1.60"), true, GATE_IMPROVED },
		{ 4400, KERNEL_COUNT("2.20"), false, GATE_REGRESSION },
		{ 4400, KERNEL_COUNT("2.40"), true, GATE_REGRESSION },
	};
	struct program base = program_flat, new = program_flat;
	base.comments[0] = KERNEL_COUNT("2.00");
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		new.samples = sides[i].samples;
		new.comments[0] = sides[i].kernel;
		_cleanup_gate_verdict_ struct gate_verdict *v =
			program_judge(&base, 10, &new, 10, 1, &policy);
		const struct gate_reason *r = only_reason(v);
		if (v->outcome != sides[i].outcome || (r != NULL) != sides[i].disagree)
			fail_msg("case %zu: %s, '%s'", i, gate_outcome_name(v->outcome),
				 r ? r->text : "");
		if (i == 0)
			assert_non_null(strstr(r->text, "sampled, 0% used"));
		if (r)
			assert_int_equal(r->kind, GATE_COVERAGE);
		if (i == 4)
			assert_true(fabs(v->metrics.items[0].rusage.ratio - 0.9) < 1e-9);
	}
	_cleanup_gate_verdict_ struct gate_verdict *unknown =
		program_judge(&program_flat, 10, &program_flat, 10, 1, &policy);
	assert_true(isnan(unknown->metrics.items[0].rusage.p));
}

/* Twice the time may be half the speed, or a longer profile of a server. */
static void test_durations(void **state)
{
	(void)state;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	for (int whole = 0; whole < 2; whole++) {
		_cleanup_gate_runs_ struct gate_runs *runs = gate_runs_create();
		struct prng rng;
		prng_init(&rng, 1);
		for (int i = 0; i < 20; i++) {
			struct program p = program_flat;
			struct gate_facts facts = { .order = i + 1, .cpu_seconds = whole ? 2 : 0 };
			p.comments[0] = "# cpus: 2 A";
			p.duration_ns = i % 2 ? 4000000000 : 2000000000;
			program_add(runs, i % 2, &p, 1, &facts, &policy, &rng);
		}
		_cleanup_gate_verdict_ struct gate_verdict *v = program_judge_runs(runs, &policy);
		const struct gate_metric *m = &v->metrics.items[0];
		assert_int_equal(m->notes.len, whole ? 0 : 1);
		if (!whole)
			assert_string_equal(m->notes.items[0],
					    "runs last 2 s (base) and 4 s (new): if that was "
					    "chosen, compare per unit of work");
	}
}

/* Twice the work in twice the time is the same. */
static void test_work(void **state)
{
	(void)state;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	_cleanup_gate_runs_ struct gate_runs *runs = gate_runs_create();
	struct prng rng;
	gate_policy_init(&policy);
	prng_init(&rng, 1);
	for (int i = 0; i < 20; i++) {
		struct program longer = program_flat;
		struct gate_facts facts = { .work = i % 2 ? 200 : 100 };
		longer.samples = 40 * facts.work;
		longer.comments[0] = i % 2 ? "# cpu: sampled 4.00 s, kernel's count 4.00 s"
					   : "# cpu: sampled 2.00 s, kernel's count 2.00 s";
		program_add(runs, i % 2, &longer, i + 1, &facts, &policy, &rng);
	}
	_cleanup_gate_verdict_ struct gate_verdict *v = program_judge_runs(runs, &policy);
	assert_int_equal(v->outcome, GATE_PASS);
	/* 40 samples of 500,250 ns for each unit of work. */
	assert_true(fabs(v->metrics.items[0].total.base / (40 * 500250.0) - 1) < 0.01);
	assert_true(fabs(v->metrics.items[0].rusage.base - 0.02) < 1e-9);
	assert_true(fabs(v->metrics.items[0].rusage.new - 0.02) < 1e-9);
}

static struct gate_run *reduce(const struct program *program, const struct gate_policy *policy)
{
	struct prng rng;
	struct gate_run *run;
	struct err e = { 0 };
	struct gate_facts facts = { .source = "x.pb.gz" };

	prng_init(&rng, 1);
	_cleanup_profile_ struct profile *p = program_run(program, 1, &rng);
	if (gate_run_reduce(p, &facts, policy, &run, &e) < 0)
		fail_msg("%s", e.msg);
	return run;
}

static void test_errors(void **state)
{
	(void)state;
	struct program heap = program_flat, pages = program_flat;
	struct gate_verdict *v = NULL;
	struct gate_run *run = NULL;
	struct err e = { 0 };
	heap.type = "alloc_space";
	heap.unit = "bytes";
	pages.type = "alloc_space";
	pages.unit = "pages";
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	_cleanup_gate_runs_ struct gate_runs *runs = gate_runs_create();
	gate_policy_init(&policy);
	assert_int_equal(gate_runs_add(runs, GATE_BASE, reduce(&program_flat, &policy), &e), 0);
	assert_int_equal(gate_judge(runs, &policy, &v, &e), -EINVAL);
	assert_string_equal(e.msg, "the profiles of the sides have no metric in common");
	assert_int_equal(gate_runs_add(runs, GATE_NEW, reduce(&heap, &policy), &e), 0);
	assert_int_equal(gate_judge(runs, &policy, &v, &e), -EINVAL);
	assert_int_equal(gate_runs_add(runs, GATE_BASE, reduce(&pages, &policy), &e), -EINVAL);
	assert_string_equal(e.msg, "'x.pb.gz': alloc_space is in pages, but in 'x.pb.gz' in bytes");
	assert_int_equal(gate_policy_set(&policy, "metrics", "cpu", NULL), 0);
	assert_int_equal(gate_judge(runs, &policy, &v, &e), -EINVAL);
	assert_string_equal(e.msg, "no profile of the new side has cpu");
	assert_null(v);
	/* What cannot be reduced. */
	struct gate_facts facts = { .source = "y.pb.gz" };
	struct prng rng;
	prng_init(&rng, 1);
	_cleanup_profile_ struct profile *p = program_run(&heap, 1, &rng);
	assert_int_equal(gate_run_reduce(p, &facts, &policy, &run, &e), -EINVAL);
	assert_string_equal(e.msg, "'y.pb.gz' has none of the metrics that are judged");
	gate_policy_deinit(&policy);
	gate_policy_init(&policy);
	profile_values(p, 0)[1] = -5;
	assert_int_equal(gate_run_reduce(p, &facts, &policy, &run, &e), -EINVAL);
	assert_string_equal(e.msg, "'y.pb.gz' has negative values: a difference cannot be judged");
	assert_null(run);
}

/* The order in which runs were added means nothing. */
static void test_order_of_adding(void **state)
{
	(void)state;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	struct gate_verdict *v[2];
	gate_policy_init(&policy);
	for (int order = 0; order < 2; order++) {
		_cleanup_gate_runs_ struct gate_runs *runs = gate_runs_create();
		for (int i = 0; i < 40; i++) {
			int number = order ? 39 - i : i;
			struct gate_facts facts = { .order = number + 1 };
			struct prng rng;
			prng_init(&rng, (uint64_t)number);
			program_add(runs, number % 2, number % 2 ? &program_slower : &program_flat,
				    1, &facts, &policy, &rng);
		}
		v[order] = program_judge_runs(runs, &policy);
	}
	const struct gate_metric *m = &v[0]->metrics.items[0], *n = &v[1]->metrics.items[0];
	assert_memory_equal(&m->total, &n->total, sizeof(m->total));
	for (size_t i = 0; i < m->rows.len; i++) {
		const struct gate_row *x = &m->rows.items[i], *y = &n->rows.items[i];
		assert_string_equal(x->name, y->name);
		assert_memory_equal(&x->own, &y->own, sizeof(x->own));
	}
	gate_verdict_destroy(v[0]);
	gate_verdict_destroy(v[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_runs),
		cmocka_unit_test(test_single_profiles),
		cmocka_unit_test(test_resolution),
		cmocka_unit_test(test_few_samples),
		cmocka_unit_test(test_machines),
		cmocka_unit_test(test_stop_and_note),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_work),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_order_of_adding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
