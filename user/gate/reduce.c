// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* From a profile to the call tree of its heavy functions. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gate/normalize.h"
#include "gate/runs_impl.h"
#include "gate/tree.h"
#include "profile/build.h"
#include "report/filter.h"

/*
 * Parts of the policy's min_share: what a function has to weigh under its own name, lest millions
 * of names be normalised, and what all functions of one normal name have to.
 */
static const double name_part = 1.0 / 16, function_part = 1.0 / 4;

/* What is lighter than as many others is left out, lest a tree of trifles fill the memory. */
enum { FUNCTIONS_MAX = 500 };

struct reduction {
	const struct profile *p;
	struct gate_run *run;
	struct run_source *sources; /* by metric */
	double *totals;
	double named; /* of the first metric: what is in a function with a name */
	/*
	 * By function of the profile, then one for each mapping and one for no mapping, which stand
	 * for frames without a name: cumulative values by metric, and the number in the run.
	 */
	size_t frame_count;
	double *cum;
	uint32_t *kept;
	/* By location: its one frame, or SEVERAL_FRAMES; then that frame's number in the run. */
	uint32_t *single;
};

#define SEVERAL_FRAMES (UINT32_MAX - 1)

/* ---- Which functions ---- */

/* The frame of a location without lines. */
static size_t unnamed_frame(const struct profile *p, const struct profile_location *l)
{
	return p->functions.len + (l->mapping == PROFILE_NONE ? p->mappings.len : l->mapping);
}

static int find_single_frames(struct reduction *r)
{
	const struct profile *p = r->p;

	r->single = malloc((p->locations.len + 1) * sizeof(*r->single));
	if (!r->single)
		return -ENOMEM;
	for (size_t i = 0; i < p->locations.len; i++) {
		const struct profile_location *l = &p->locations.items[i];
		r->single[i] = SEVERAL_FRAMES;
		if (l->line_count == 1)
			r->single[i] = profile_lines(p, l)->function;
		else if (l->line_count == 0)
			r->single[i] = (uint32_t)unnamed_frame(p, l);
	}
	return 0;
}

static void weigh_frame(struct reduction *r, uint32_t frame, const double *values, size_t sample,
			uint32_t *seen)
{
	size_t metrics = r->run->metric_count;

	if (seen[frame] == sample + 1)
		return;
	seen[frame] = (uint32_t)sample + 1;
	for (size_t m = 0; m < metrics; m++)
		r->cum[frame * metrics + m] += values[m];
}

/* Whether a frame of a stack has a name. */
static bool is_named(const struct profile *p, const uint32_t *stack, size_t depth)
{
	for (size_t d = 0; d < depth; d++)
		if (p->locations.items[stack[d]].line_count > 0)
			return true;
	return false;
}

static int weigh_samples(struct reduction *r, uint32_t *seen, double *values, struct err *e)
{
	const struct profile *p = r->p;

	for (size_t i = 0; i < p->sample_count; i++) {
		size_t depth;
		const uint32_t *stack = profile_stack(p, i, &depth);
		for (size_t m = 0; m < r->run->metric_count; m++) {
			values[m] = (double)profile_values(p, i)[r->sources[m].value];
			if (values[m] < 0)
				return err_plain(
					e, -EINVAL,
					"has negative values: a difference cannot be judged");
			r->totals[m] += values[m];
		}
		r->named += is_named(p, stack, depth) ? values[0] : 0;
		for (size_t d = 0; d < depth; d++) {
			uint32_t frame = r->single[stack[d]];
			const struct profile_location *l = &p->locations.items[stack[d]];
			if (frame != SEVERAL_FRAMES) {
				weigh_frame(r, frame, values, i, seen);
				continue;
			}
			for (size_t k = 0; k < l->line_count; k++)
				weigh_frame(r, profile_lines(p, l)[k].function, values, i, seen);
		}
	}
	return 0;
}

/* The largest share that a function has of any metric. */
static double share_of(const struct reduction *r, const double *cum)
{
	double share = 0;

	for (size_t m = 0; m < r->run->metric_count; m++)
		if (cum[m] > 0)
			share = fmax(share, cum[m] / r->totals[m]);
	return share;
}

/* "[libc.so.6]", as pprof shows what has no name. */
static void mapping_name(const struct profile *p, size_t mapping, struct buf *to)
{
	const char *path = mapping < p->mappings.len
				   ? profile_str(p, p->mappings.items[mapping].filename)
				   : "";
	const char *slash = strrchr(path, '/');

	buf_printf(to, path[0] == '[' ? "%s" : "[%s]",
		   slash   ? slash + 1
		   : *path ? path
			   : "unknown");
}

static int frame_name(const struct profile *p, size_t frame, struct buf *to)
{
	to->len = 0;
	if (frame >= p->functions.len)
		mapping_name(p, frame - p->functions.len, to);
	else
		gate_normalize(profile_str(p, p->functions.items[frame].name), to);
	return to->error;
}

/*
 * Give frames that are heavy enough a number for each normal name (in `names`, used as a table of
 * strings; number 0 is none), and add up what they weigh.
 */
static int name_frames(struct reduction *r, double share, struct profile *names, double **weights)
{
	_cleanup_(buf_deinit) struct buf name = { 0 };
	size_t metrics = r->run->metric_count;
	vec_of(double) sums = { 0 };
	int rc = 0;

	for (size_t f = 0; f < r->frame_count && rc == 0; f++) {
		r->kept[f] = 0;
		if (share_of(r, r->cum + f * metrics) < share * name_part)
			continue;
		rc = frame_name(r->p, f, &name);
		if (rc < 0)
			break;
		uint32_t number = profile_intern(names, name.data, name.len);
		rc = profile_build_error(names);
		while (rc == 0 && sums.len < ((size_t)number + 1) * metrics)
			rc = vec_push(&sums, 0);
		for (size_t m = 0; m < metrics && rc == 0; m++)
			sums.items[number * metrics + m] += r->cum[f * metrics + m];
		r->kept[f] = number;
	}
	*weights = sums.items;
	return rc;
}

static int compare_down(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y) - (x > y);
}

/* The share that the heaviest FUNCTIONS_MAX names have, but at least `least`. */
static int least_share(const struct reduction *r, const double *weights, size_t count, double least,
		       double *ret)
{
	_cleanup_free_ double *shares = malloc((count + 1) * sizeof(*shares));

	if (!shares)
		return -ENOMEM;
	size_t heavy = 0;
	for (size_t i = 0; i < count; i++) {
		double share = share_of(r, weights + i * r->run->metric_count);
		if (share >= least)
			shares[heavy++] = share;
	}
	if (heavy > FUNCTIONS_MAX)
		qsort(shares, heavy, sizeof(*shares), compare_down);
	*ret = heavy > FUNCTIONS_MAX ? shares[FUNCTIONS_MAX - 1] : least;
	return 0;
}

/* Give the names that are heavy enough their numbers in the run. */
static int keep_names(struct reduction *r, double share, const struct profile *names,
		      const double *weights)
{
	_cleanup_free_ uint32_t *numbers = malloc((names->strings.len + 1) * sizeof(*numbers));
	struct gate_run *run = r->run;
	/* No weights: no name either. */
	size_t count = weights ? names->strings.len : 1;
	double least;

	if (!numbers || (weights && least_share(r, weights, count, share, &least) < 0))
		return -ENOMEM;
	numbers[0] = RUN_NONE;
	for (size_t i = 1; i < count; i++) {
		numbers[i] = RUN_NONE;
		if (share_of(r, weights + i * run->metric_count) < least)
			continue;
		struct run_function f = { .name = run->names.len };
		numbers[i] = (uint32_t)run->functions.len;
		buf_add(&run->names, profile_str(names, (uint32_t)i),
			profile_str_len(names, (uint32_t)i) + 1);
		if (vec_push(&run->functions, f) < 0)
			return -ENOMEM;
	}
	for (size_t f = 0; f < r->frame_count; f++)
		r->kept[f] = numbers[r->kept[f]];
	for (size_t l = 0; l < r->p->locations.len; l++)
		if (r->single[l] != SEVERAL_FRAMES)
			r->single[l] = r->kept[r->single[l]];
	return run->names.error;
}

/* The file and line of each kept function: those of its heaviest part. */
static int place_functions(struct reduction *r)
{
	const struct profile *p = r->p;
	struct gate_run *run = r->run;
	size_t metrics = run->metric_count;
	_cleanup_free_ size_t *best = malloc((run->functions.len + 1) * sizeof(*best));

	if (!best)
		return -ENOMEM;
	for (size_t i = 0; i < run->functions.len; i++)
		best[i] = SIZE_MAX;
	for (size_t f = 0; f < r->frame_count; f++) {
		uint32_t k = r->kept[f];
		if (k != RUN_NONE &&
		    (best[k] == SIZE_MAX || r->cum[f * metrics] > r->cum[best[k] * metrics]))
			best[k] = f;
	}
	for (size_t k = 0; k < run->functions.len; k++) {
		bool named = best[k] < p->functions.len;
		const char *file = "";
		if (named)
			file = profile_str(p, p->functions.items[best[k]].filename);
		run->functions.items[k].line = named ? p->functions.items[best[k]].start_line : 0;
		run->functions.items[k].file = run->names.len;
		buf_add(&run->names, file, strlen(file) + 1);
	}
	/* Who does not know where a function starts may know a line of it. */
	vec_for_each(line, &p->lines) {
		uint32_t k = r->kept[line->function];
		if (k == RUN_NONE || best[k] != line->function || line->line <= 0 ||
		    p->functions.items[line->function].start_line > 0)
			continue;
		int64_t *to = &run->functions.items[k].line;
		if (*to <= 0 || line->line < *to)
			*to = line->line;
	}
	return run->names.error;
}

static int choose_functions(struct reduction *r, double share, struct err *e)
{
	const struct profile *p = r->p;
	_cleanup_profile_ struct profile *names = profile_create();
	_cleanup_free_ uint32_t *seen = NULL;
	_cleanup_free_ double *weights = NULL;
	_cleanup_free_ double *values = calloc(r->run->metric_count, sizeof(*values));

	r->frame_count = p->functions.len + p->mappings.len + 1;
	seen = calloc(r->frame_count, sizeof(*seen));
	r->cum = calloc(r->frame_count * r->run->metric_count, sizeof(*r->cum));
	r->kept = calloc(r->frame_count, sizeof(*r->kept));
	r->totals = calloc(r->run->metric_count, sizeof(*r->totals));
	if (!names || !seen || !values || !r->cum || !r->kept || !r->totals)
		return -ENOMEM;
	int rc = find_single_frames(r);
	if (rc == 0)
		rc = weigh_samples(r, seen, values, e);
	if (rc == 0)
		rc = name_frames(r, share, names, &weights);
	if (rc == 0)
		rc = keep_names(r, share * function_part, names, weights);
	return rc == 0 ? place_functions(r) : rc;
}

/* ---- The call tree ---- */

/* Go on to a called function. One that is not kept, or calls itself, stays where it is. */
static int step_into(struct reduction *r, struct tree *tree, uint32_t *node, uint32_t function)
{
	if (function == RUN_NONE || function == r->run->nodes.items[*node].function)
		return 0;
	return tree_step(tree, r->run, node, function);
}

/* Walk from the root to the deepest kept frame. */
static int find_node(struct reduction *r, size_t sample, struct tree *tree, uint32_t *node)
{
	const struct profile *p = r->p;
	size_t depth;
	const uint32_t *stack = profile_stack(p, sample, &depth);
	int rc = 0;

	*node = 0;
	for (size_t d = depth; d-- > 0 && rc == 0;) {
		uint32_t function = r->single[stack[d]];
		const struct profile_location *l = &p->locations.items[stack[d]];
		if (function != SEVERAL_FRAMES) {
			rc = step_into(r, tree, node, function);
			continue;
		}
		for (size_t i = l->line_count; i-- > 0 && rc == 0;)
			rc = step_into(r, tree, node, r->kept[profile_lines(p, l)[i].function]);
	}
	return rc;
}

static int build_tree(struct reduction *r)
{
	const struct profile *p = r->p;
	struct gate_run *run = r->run;
	size_t metrics = run->metric_count;
	_cleanup_(tree_deinit) struct tree tree = { 0 };
	_cleanup_free_ uint32_t *nodes = calloc(p->sample_count + 1, sizeof(*nodes));

	if (!nodes || tree_init(&tree, run, p->sample_count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < p->sample_count; i++) {
		int rc = find_node(r, i, &tree, &nodes[i]);
		if (rc < 0)
			return rc;
	}
	run->weights = run_zeroed(run->nodes.len * metrics, sizeof(*run->weights));
	if (!run->weights)
		return -ENOMEM;
	for (size_t i = 0; i < p->sample_count; i++) {
		const int64_t *values = profile_values(p, i);
		for (size_t m = 0; m < metrics; m++) {
			const struct run_source *s = &r->sources[m];
			double value = (double)values[s->value] * s->scale;
			if (value == 0)
				continue;
			double events = fmax(run_events(s, values), 1e-9);
			struct run_weight *w = &run->weights[nodes[i] * metrics + m];
			w->value += value;
			w->variance += value * value / events;
			run->metrics[m].total += value;
			run->metrics[m].events += events;
		}
	}
	return 0;
}

static bool is_outermost(const struct gate_run *run, size_t node)
{
	uint32_t function = run->nodes.items[node].function;

	for (uint32_t up = run->nodes.items[node].parent; up != RUN_NONE;
	     up = run->nodes.items[up].parent)
		if (run->nodes.items[up].function == function)
			return false;
	return true;
}

static int add_up(struct gate_run *run)
{
	size_t metrics = run->metric_count;

	run->cum = calloc(run->functions.len * metrics + 1, sizeof(*run->cum));
	run->outermost = malloc(run->nodes.len * sizeof(*run->outermost));
	if (!run->cum || !run->outermost)
		return -ENOMEM;
	/* Children come after their parents; the root is no function's. */
	for (size_t i = run->nodes.len; i-- > 0;) {
		const struct run_node *n = &run->nodes.items[i];
		struct run_weight *w = &run->weights[i * metrics];
		run->outermost[i] = is_outermost(run, i);
		for (size_t m = 0; m < metrics; m++) {
			w[m].subtree += w[m].value;
			if (i == 0)
				continue;
			run->weights[n->parent * metrics + m].subtree += w[m].subtree;
			if (run->outermost[i])
				run->cum[n->function * metrics + m] += w[m].subtree;
		}
	}
	return 0;
}

/* ---- A run ---- */

static int set_facts(struct gate_run *run, const struct profile *p, const struct gate_facts *facts)
{
	run->work = facts->work > 0 ? facts->work : 1;
	run->cpu_seconds = facts->cpu_seconds;
	run->whole = facts->cpu_seconds > 0;
	run->order = facts->order ? facts->order : p->time_nanos;
	run->duration_ns = p->duration_nanos;
	run->source = strdup(facts->source ? facts->source : "");
	return run->source ? run_read_comments(run, p) : -ENOMEM;
}

static int reduce(struct reduction *r, struct profile *p, const struct gate_facts *facts,
		  const struct gate_policy *policy, struct err *e)
{
	int rc = set_facts(r->run, p, facts);
	if (rc == 0)
		rc = filter_uninteresting(p, e);
	if (rc == 0)
		rc = run_choose_metrics(r->run, p, policy, &r->sources, e);
	if (rc == 0)
		rc = choose_functions(r, policy->min_share, e);
	if (rc == 0)
		rc = build_tree(r);
	if (rc == 0)
		r->run->named = r->totals[0] > 0 ? r->named / r->totals[0] : 1;
	return rc == 0 ? add_up(r->run) : rc;
}

int gate_run_reduce(struct profile *p, const struct gate_facts *facts,
		    const struct gate_policy *policy, struct gate_run **ret, struct err *e)
{
	struct err why = { 0 };
	struct reduction r = { .p = p, .run = calloc(1, sizeof(*r.run)) };
	int rc = r.run ? reduce(&r, p, facts, policy, &why) : -ENOMEM;

	free(r.sources);
	free(r.totals);
	free(r.cum);
	free(r.kept);
	free(r.single);
	if (rc == 0) {
		*ret = r.run;
		return 0;
	}
	gate_run_destroy(r.run);
	if (rc == -ENOMEM)
		return err_set(e, rc, "cannot reduce '%s'", facts->source ? facts->source : "");
	return err_plain(e, rc, "'%s' %s", facts->source ? facts->source : "", why.msg);
}
