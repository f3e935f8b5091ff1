// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Verdicts on programs of which it is known what changed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gate_program.h"

/* One change of program_deep for each case. */
static const struct {
	const char *name;
	struct program_stack changes[16];
	enum gate_outcome outcome;
	const char *culprit;   /* "": none */
	const char *row;       /* a row to look at, NULL: none */
	enum gate_state state; /* its */
	const char *caller;    /* its, NULL: not looked at */
	const char *through;
} cases[] = {
	{ "the same", { { 0 } }, GATE_PASS, "", "lex", GATE_SAME, NULL, NULL },
	{ "a leaf is slower",
	  { { "main;run;parse;lex", 22 } },
	  GATE_REGRESSION,
	  "lex",
	  "lex",
	  GATE_REGRESSED,
	  "parse",
	  NULL },
	{ "a shared leaf is slower by one caller",
	  { { "main;run;print;malloc", 14 } },
	  GATE_REGRESSION,
	  "malloc",
	  "malloc",
	  GATE_REGRESSED,
	  "print",
	  NULL },
	{ "a function is faster",
	  { { "main;run;eval", 24 } },
	  GATE_IMPROVED,
	  "",
	  "eval",
	  GATE_BETTER,
	  "run",
	  NULL },
	{ "code moved from one function to another",
	  { { "main;run;parse", 16 }, { "main;run;eval", 24 } },
	  GATE_MOVED,
	  "",
	  "parse",
	  GATE_ROW_MOVED,
	  NULL,
	  NULL },
	{ "code moved from a function to its callee",
	  { { "main;run;parse;lex", 25 }, { "main;run;parse", 5 } },
	  GATE_MOVED,
	  "",
	  "lex",
	  GATE_ROW_MOVED,
	  NULL,
	  NULL },
	{ "clones",
	  { { "main;run;parse;lex", 0 },
	    { "main;run;parse", 0 },
	    { "main;run;eval", 0 },
	    { "main;run;parse.part.0;lex.constprop.1", 20 },
	    { "main;run;parse.cold", 2 },
	    { "main;run;parse.isra.0", 8 },
	    { "main;run;eval.lto_priv.0", 30 } },
	  GATE_PASS,
	  "",
	  "parse",
	  GATE_SAME,
	  NULL,
	  NULL },
	{ "renamed",
	  { { "main;run;parse;lex", 0 },
	    { "main;run;parse", 0 },
	    { "main;run;eval", 0 },
	    { "main;run;eval;malloc", 0 },
	    { "main;init", 0 },
	    { "main;run;parse2;lex", 20 },
	    { "main;run;parse2", 10 },
	    { "main;run;evaluate", 30 },
	    { "main;run;evaluate;malloc", 8 },
	    { "main;setup", 10 } },
	  GATE_PASS,
	  "",
	  "run",
	  GATE_SAME,
	  NULL,
	  NULL },
	{ "everything renamed",
	  { { "main;run;parse;lex", 0 },
	    { "main;run;parse", 0 },
	    { "main;run;eval", 0 },
	    { "main;run;eval;malloc", 0 },
	    { "main;run;print;malloc", 0 },
	    { "main;run;print", 0 },
	    { "main;init", 0 },
	    { "_main;_run;_parse;_lex", 20 },
	    { "_main;_run;_parse", 10 },
	    { "_main;_run;_eval", 30 },
	    { "_main;_run;_eval;_malloc", 8 },
	    { "_main;_run;_print", 22 },
	    { "_main;_init", 10 } },
	  GATE_PASS,
	  "",
	  NULL,
	  GATE_SAME,
	  NULL,
	  NULL },
	{ "a callee inlined into its callers",
	  { { "main;run;parse;lex", 0 },
	    { "main;run;parse", 30 },
	    { "main;run;eval;malloc", 0 },
	    { "main;run;eval", 38 },
	    { "main;run;print;malloc", 0 },
	    { "main;run;print", 22 } },
	  GATE_PASS,
	  "",
	  "parse",
	  GATE_SAME,
	  NULL,
	  NULL },
	{ "a callee inlined into one of two callers",
	  { { "main;run;eval;malloc", 0 }, { "main;run;eval", 38 } },
	  GATE_MOVED,
	  "",
	  "malloc",
	  GATE_ROW_MOVED,
	  NULL,
	  NULL },
	{ "a part taken out of a function",
	  { { "main;run;eval", 12 },
	    { "main;run;eval;eval_call;apply", 11 },
	    { "main;run;eval;eval_call", 7 } },
	  GATE_PASS,
	  "",
	  "eval",
	  GATE_SAME,
	  NULL,
	  NULL },
	{ "renamed and slower",
	  { { "main;run;parse;lex", 0 }, { "main;run;parse;lex2", 26 } },
	  GATE_REGRESSION,
	  "parse",
	  "parse",
	  GATE_REGRESSED,
	  "run",
	  "lex2" },
	{ "a new callee",
	  { { "main;run;print;log;flush", 5 }, { "main;run;print;log", 4 } },
	  GATE_REGRESSION,
	  "print",
	  "print",
	  GATE_REGRESSED,
	  "run",
	  "log" },
};

static void test_cases(void **state)
{
	(void)state;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct program new = program_changed(&program_deep, cases[i].changes);
		_cleanup_gate_verdict_ struct gate_verdict *v =
			program_judge(&program_deep, 10, &new, 10, i + 1, &policy);
		if (v->outcome != cases[i].outcome ||
		    strcmp(program_culprit(v), cases[i].culprit) != 0)
			fail_msg("%s: %s, culprit '%s'", cases[i].name,
				 gate_outcome_name(v->outcome), program_culprit(v));
		if (!cases[i].row)
			continue;
		const struct gate_row *row = program_row(v, cases[i].row);
		assert_non_null(row);
		if (row->state != cases[i].state)
			fail_msg("%s: %s is %s", cases[i].name, row->name,
				 gate_state_name(row->state));
		if (cases[i].caller)
			assert_string_equal(row->caller, cases[i].caller);
		if (cases[i].through)
			assert_string_equal(row->through, cases[i].through);
	}
}

/* Each of many callees is a bit slower, none enough: their caller is, with them; not its own. */
static void test_spread(void **state)
{
	(void)state;
	static const char *const callees[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	static char stacks[ARRAY_SIZE(callees)][32];
	struct program base = { { { "main;run;eval", 50 } }, PROGRAM_NOISE }, new;
	for (size_t i = 0; i < ARRAY_SIZE(callees); i++) {
		snprintf(stacks[i], sizeof(stacks[i]), "main;run;read;parse;%s", callees[i]);
		base.stacks[i + 1] = (struct program_stack){ stacks[i], 5 };
	}
	base.stacks[ARRAY_SIZE(callees) + 1] = (struct program_stack){ "main;run;read", 10 };
	new = base;
	for (size_t i = 0; i < ARRAY_SIZE(callees); i++)
		new.stacks[i + 1].weight = 5.6;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&base, 12, &new, 12, 1, &policy);
	const struct gate_row *parse = program_row(v, "parse");
	assert_int_equal(v->outcome, GATE_REGRESSION);
	assert_string_equal(program_culprit(v), "parse");
	assert_true(parse->by_cum && parse->state == GATE_REGRESSED);
	assert_int_equal(program_row(v, "read")->state, GATE_CALLEES);
	for (size_t i = 0; i < ARRAY_SIZE(callees); i++)
		assert_int_equal(program_row(v, callees[i])->state, GATE_SAME);
	/* What changed, all beneath it, is past a floor that the total just misses. */
	new.stacks[0].weight -= 0.6;
	base.run_noise = new.run_noise = 0.01;
	assert_int_equal(gate_policy_set(&policy, "total_floor", "4.5%", NULL), 0);
	_cleanup_gate_verdict_ struct gate_verdict *floor =
		program_judge(&base, 12, &new, 12, 3, &policy);
	const struct gate_metric *m = &floor->metrics.items[0];
	parse = program_row(floor, "parse");
	assert_int_equal(floor->outcome, GATE_REGRESSION);
	assert_int_equal(m->total_state, GATE_SAME);
	assert_string_equal(program_culprit(floor), "parse");
	assert_true(fabs(m->moved.base / parse->cum.base - 1) < 1e-9);
	assert_true(fabs(m->moved.new / parse->cum.new - 1) < 1e-9);
}

/* A move beneath one caller is none of the rise elsewhere. */
static void test_move_beside_rise(void **state)
{
	(void)state;
	static const struct program base = { { { "main;run;parse;lex", 20 },
					       { "main;run;parse;scan", 20 },
					       { "main;run;eval", 60 } },
					     PROGRAM_NOISE };
	static const struct program new = { { { "main;run;parse;lex", 15 },
					      { "main;run;parse;scan", 25 },
					      { "main;run;eval", 75 } },
					    PROGRAM_NOISE };
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&base, 10, &new, 10, 1, &policy);
	assert_int_equal(v->outcome, GATE_REGRESSION);
	assert_string_equal(program_culprit(v), "eval");
	assert_int_equal(program_row(v, "scan")->state, GATE_ROW_MOVED);
	assert_int_equal(program_row(v, "lex")->state, GATE_ROW_MOVED);
	assert_string_equal(program_row(v, "scan")->caller, "parse");
	assert_true(program_row(v, "scan")->caller_part == 1);
}

/* What stood only in one build is named, with what it was counted as. */
static void test_folded(void **state)
{
	(void)state;
	static const struct program renamed = { { { "main;run;parse;lex2", 20 },
						  { "main;run;parse", 10 },
						  { "main;run;eval", 70 } },
						PROGRAM_NOISE };
	static const struct program before = {
		{ { "main;run;parse;lex", 20 }, { "main;run;parse", 10 }, { "main;run;eval", 70 } },
		PROGRAM_NOISE
	};
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&before, 10, &renamed, 10, 1, &policy);
	const struct gate_metric *m = &v->metrics.items[0];
	assert_int_equal(m->folded.len, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct gate_folded *f = &m->folded.items[i];
		bool gone = strcmp(f->name, "lex") == 0;
		assert_string_equal(f->into, "parse");
		assert_true(gone || strcmp(f->name, "lex2") == 0);
		assert_true(gone ? f->base > 3e8 && f->new == 0 : f->base == 0 && f->new > 3e8);
	}
	const struct gate_row *parse = program_row(v, "parse");
	assert_true(fabs(parse->own.base / m->total.base - 0.3) < 0.02);
	assert_string_equal(parse->file, "src/parse.cc");
	assert_true(parse->line >= 10 && parse->line < 100);
}

/* A trifle that becomes most of a program is named itself, not whom it is called by. */
static void test_trifle_grows(void **state)
{
	(void)state;
	struct program base = program_changed(
		&program_deep, (struct program_stack[]){ { "main;run;print;find", 0.6 }, { 0 } });
	struct program new = program_changed(
		&program_deep, (struct program_stack[]){ { "main;run;print;find", 60 }, { 0 } });
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&base, 10, &new, 10, 1, &policy);
	assert_int_equal(v->outcome, GATE_REGRESSION);
	assert_string_equal(program_culprit(v), "find");
	assert_string_equal(program_row(v, "find")->caller, "print");
	assert_int_equal(v->metrics.items[0].folded.len, 0);
}

/* Own values are of all samples, once: they add up to the total. */
static void test_partition(void **state)
{
	(void)state;
	static const struct program recursive = { { { "main;eval;call;eval;call;eval", 40 },
						    { "main;eval;call", 30 },
						    { "main;eval;call;eval", 10 },
						    { "main;eval", 10 },
						    { "main;tiny1", 0.5 },
						    { "main;tiny2;tiny3", 0.5 },
						    { "main", 9 } },
						  PROGRAM_NOISE };
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	gate_policy_init(&policy);
	_cleanup_gate_verdict_ struct gate_verdict *v =
		program_judge(&recursive, 8, &recursive, 9, 1, &policy);
	const struct gate_metric *m = &v->metrics.items[0];
	double base = 0, new = 0;
	vec_for_each(row, &m->rows) {
		base += row->own.base;
		new += row->own.new;
	}
	assert_true(fabs(base / m->total.base - 1) < 1e-9);
	assert_true(fabs(new / m->total.new - 1) < 1e-9);
	assert_int_equal(m->rows.len, 3);
	/* Recursion counts once. */
	const struct gate_row *eval = program_row(v, "eval"), *call = program_row(v, "call");
	assert_true(fabs(eval->cum.base / m->total.base - 0.9) < 0.01);
	assert_true(fabs(call->cum.base / m->total.base - 0.8) < 0.01);
	assert_true(fabs(program_row(v, "main")->own.base / m->total.base - 0.1) < 0.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_move_beside_rise),
		cmocka_unit_test(test_folded),
		cmocka_unit_test(test_trifle_grows),
		cmocka_unit_test(test_partition),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
