// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Runs that become slower and slower, and in what order they were made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gate_program.h"

enum order { TURNS, APART, UNKNOWN };

/* Ten runs a side; each has more samples than the one before, a part of the first's 4,000. */
static struct gate_verdict *judge_growing(enum order order, double base_growth, double new_growth)
{
	_cleanup_gate_runs_ struct gate_runs *runs = gate_runs_create();
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	struct program p = program_flat;
	struct prng rng;

	/* Without noise: sides that do not grow have no drift at all. */
	p.run_noise = p.stack_noise = 0;
	p.comments[0] = "# cpus: 2 A";
	gate_policy_init(&policy);
	prng_init(&rng, 1);
	for (int i = 0; i < 20; i++) {
		enum gate_side side = i / 10;
		int number = i % 10;
		const int64_t orders[] = { 2 * number + side + 1, i + 1, 0 };
		struct gate_facts facts = { .order = orders[order] };
		p.samples = 4000 * (1 + number * (side == GATE_BASE ? base_growth : new_growth));
		program_add(runs, side, &p, 0, &facts, &policy, &rng);
	}
	return program_judge_runs(runs, &policy);
}

#define APART_NOTE                                                                                 \
	"the runs of the sides did not alternate: what changed on the machine in between looks "   \
	"like a change of the program"

/* From 4,000 samples to 4,360 in steps of 40, of a mean of 4,180: 8.6%. */
static const struct {
	enum order order;
	double base_growth, new_growth;
	enum gate_outcome outcome;
	const char *reasons[2], *notes[2];
} cases[] = {
	{ APART, 0, 0, GATE_PASS, { NULL }, { APART_NOTE } },
	{ APART,
	  0.01,
	  0.01,
	  GATE_INCONCLUSIVE,
	  { "the runs of the base side drift by +8.6% from the first to the last (p = 5.5e-07): "
	    "warm up, or let the sides alternate",
	    "the runs of the new side drift by +8.6% from the first to the last (p = 5.5e-07): "
	    "warm up, or let the sides alternate" },
	  { APART_NOTE } },
	{ APART,
	  0.01,
	  0,
	  GATE_INCONCLUSIVE,
	  { "the runs of the base side drift by +8.6%" },
	  { APART_NOTE } },
	{ APART,
	  0,
	  -0.01,
	  GATE_INCONCLUSIVE,
	  { "the runs of the new side drift by -9.4%" },
	  { APART_NOTE } },
	/* In turns, drift falls on both sides: it is worth a note. */
	{ TURNS,
	  0.01,
	  0.01,
	  GATE_PASS,
	  { NULL },
	  { "the runs of the base side drift by +8.6% from the first to the last (p = 5.5e-07); "
	    "those of the other side ran in between",
	    "the runs of the new side drift by +8.6%" } },
	/* 0.9% is less than what a total may rise by. */
	{ APART, 0.001, 0.001, GATE_PASS, { NULL }, { APART_NOTE } },
	/* Nobody knows. */
	{ UNKNOWN, 0.01, 0.01, GATE_PASS, { NULL }, { NULL } },
};

static void test_drift(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_gate_verdict_ struct gate_verdict *v =
			judge_growing(cases[i].order, cases[i].base_growth, cases[i].new_growth);
		const struct gate_metric *m = &v->metrics.items[0];
		size_t reasons = 0, notes = 0;
		for (; reasons < 2 && cases[i].reasons[reasons]; reasons++) {
			if (reasons >= m->reasons.len)
				fail_msg("case %zu: no '%s'", i, cases[i].reasons[reasons]);
			const struct gate_reason *r = &m->reasons.items[reasons];
			assert_int_equal(r->kind, GATE_DRIFT);
			if (!strstr(r->text, cases[i].reasons[reasons]))
				fail_msg("case %zu: '%s'", i, r->text);
		}
		for (; notes < 2 && cases[i].notes[notes]; notes++) {
			if (notes >= m->notes.len)
				fail_msg("case %zu: no '%s'", i, cases[i].notes[notes]);
			if (!strstr(m->notes.items[notes], cases[i].notes[notes]))
				fail_msg("case %zu: '%s'", i, m->notes.items[notes]);
		}
		if (m->reasons.len != reasons || m->notes.len != notes ||
		    v->outcome != cases[i].outcome)
			fail_msg("case %zu: %s, %zu reasons, %zu notes", i,
				 gate_outcome_name(v->outcome), m->reasons.len, m->notes.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_drift) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
