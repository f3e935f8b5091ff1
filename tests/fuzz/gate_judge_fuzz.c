// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Any profile as the runs of both sides: as many as a test needs, or too few. Equal runs never
 * regress, and every format can tell so: JSON can be read back, no text has control characters.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "gate/render.h"
#include "profile/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int add_run(struct gate_runs *runs, int number, const uint8_t *data, size_t size,
		   const struct gate_policy *policy)
{
	_cleanup_profile_ struct profile *p = NULL;
	struct gate_facts facts = { .source = "x", .order = number + 1 };
	struct gate_run *run;
	struct err e = { 0 };

	if (profile_decode(data, size, &p, &e) < 0 ||
	    gate_run_reduce(p, &facts, policy, &run, &e) < 0)
		return -1;
	return gate_runs_add(runs, number % 2 ? GATE_NEW : GATE_BASE, run, &e);
}

static void check_text(const struct buf *b)
{
	if (b->error)
		abort();
	for (size_t i = 0; i < b->len; i++)
		if ((unsigned char)b->data[i] < 0x20 && b->data[i] != '\n')
			abort();
}

static void render(const struct gate_verdict *v)
{
	const struct gate_table_options options = { .width = 100, .all = true };
	_cleanup_(buf_deinit) struct buf table = { 0 }, json = { 0 }, junit = { 0 };
	_cleanup_(buf_deinit) struct buf markdown = { 0 }, github = { 0 };

	gate_render_table(v, &options, &table);
	gate_render_json(v, &json);
	gate_render_junit(v, &junit);
	gate_render_markdown(v, &markdown);
	gate_render_github(v, "/", NULL, &github);
	check_text(&table);
	check_text(&json);
	check_text(&junit);
	check_text(&markdown);
	check_text(&github);
	json_t *read = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
	if (!read || markdown.len > 65536)
		abort();
	json_decref(read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_gate_runs_ struct gate_runs *runs = gate_runs_create();
	_cleanup_gate_verdict_ struct gate_verdict *v = NULL;
	_cleanup_(gate_policy_deinit) struct gate_policy policy;
	struct err e = { 0 };

	gate_policy_init(&policy);
	policy.min_samples = 0;
	for (int i = 0; i < (size % 2 ? 14 : 3); i++)
		if (add_run(runs, i, data, size, &policy) < 0)
			return 0;
	if (gate_judge(runs, &policy, &v, &e) < 0)
		return 0;
	if (v->outcome == GATE_REGRESSION || v->outcome == GATE_IMPROVED ||
	    v->outcome == GATE_MOVED)
		abort();
	if (gate_selfcheck(runs, &policy, 2, v, &e) < 0 ||
	    gate_power(runs, &policy, 0.05, v, &e) < 0 || gate_verdict_stop(v, "stopped") < 0)
		abort();
	render(v);
	return 0;
}
