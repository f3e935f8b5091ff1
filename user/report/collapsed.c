// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A line for each stack, "root;caller;leaf value", as flamegraph.pl and others read it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "report/stack.h"

/* Stacks that are equal by the names of their frames are one line; the first sample stands for
 * them. */
struct line {
	uint32_t sample;
	uint64_t hash;
	int64_t value;
};

struct collapser {
	const struct report *r;
	struct graph *g;
	uint32_t *named; /* by node: the node that stands for all of its name */
	uint32_t *slots; /* number of a line + 1; open addressing */
	size_t slot_count;
	vec_of(struct line) lines;
};

static int compare_names(const void *a, const void *b, void *graph)
{
	return strcmp(graph_name(graph, *(const uint32_t *)a),
		      graph_name(graph, *(const uint32_t *)b));
}

/* Nodes can differ in what their names do not tell: files in the first lines of functions. */
static int find_names(struct collapser *c)
{
	size_t count = c->g->nodes.len;
	_cleanup_free_ uint32_t *sorted = calloc(count + 1, sizeof(*sorted));

	c->named = calloc(count + 1, sizeof(*c->named));
	if (!sorted || !c->named)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		sorted[i] = i;
	qsort_r(sorted, count, sizeof(*sorted), compare_names, c->g);
	for (size_t i = 0; i < count; i++) {
		bool same = i > 0 && compare_names(&sorted[i - 1], &sorted[i], c->g) == 0;
		c->named[sorted[i]] = same ? c->named[sorted[i - 1]] : sorted[i];
	}
	return 0;
}

static uint64_t stack_hash(const struct collapser *c, size_t sample)
{
	struct stack_walk w = stack_walk_init(c->g, sample);
	uint64_t hash = 0;

	while (stack_walk_next(&w)) {
		hash = (hash ^ (c->named[w.node] + 1)) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return hash;
}

static bool stacks_equal(const struct collapser *c, size_t a, size_t b)
{
	struct stack_walk x = stack_walk_init(c->g, a), y = stack_walk_init(c->g, b);

	for (;;) {
		bool more = stack_walk_next(&x);
		if (more != stack_walk_next(&y))
			return false;
		if (!more)
			return true;
		if (c->named[x.node] != c->named[y.node])
			return false;
	}
}

static int slots_init(struct collapser *c, size_t samples)
{
	c->slot_count = 16;
	while (c->slot_count < samples * 2)
		c->slot_count *= 2;
	c->slots = calloc(c->slot_count, sizeof(*c->slots));
	return c->slots ? 0 : -ENOMEM;
}

static int add_sample(struct collapser *c, size_t sample, int64_t value)
{
	uint64_t hash = stack_hash(c, sample);
	size_t at = hash & (c->slot_count - 1);

	for (; c->slots[at]; at = (at + 1) & (c->slot_count - 1)) {
		struct line *l = &c->lines.items[c->slots[at] - 1];
		if (l->hash == hash && stacks_equal(c, l->sample, sample)) {
			l->value = report_add(l->value, value);
			return 0;
		}
	}
	c->slots[at] = (uint32_t)c->lines.len + 1;
	return vec_push(&c->lines, (struct line){ (uint32_t)sample, hash, value });
}

/* What separates frames and lines cannot be in a name. */
static void put_name(const char *name, FILE *out)
{
	for (; *name; name++)
		putc_unlocked(*name == ';' ? ':' : *name == '\n' ? ' ' : *name, out);
}

static void print_lines(struct collapser *c, FILE *out)
{
	vec_for_each(l, &c->lines) {
		struct stack_walk w = stack_walk_init(c->g, l->sample);
		bool first = true;
		if (l->value == 0)
			continue;
		while (stack_walk_next(&w)) {
			if (!first)
				putc_unlocked(';', out);
			first = false;
			put_name(graph_name(c->g, w.node), out);
		}
		if (!first)
			fprintf(out, " %" PRId64 "\n", l->value);
	}
}

int report_print_collapsed(struct report *r, FILE *out, struct err *e)
{
	_cleanup_(graph_deinit) struct graph g = { 0 };
	struct collapser c = { .r = r, .g = &g };
	int rc = graph_init(&g, r, e);
	if (rc < 0)
		return rc;
	rc = find_names(&c);
	if (rc == 0)
		rc = slots_init(&c, r->profile->sample_count);
	for (size_t i = 0; i < r->profile->sample_count && rc == 0; i++)
		rc = add_sample(&c, i, report_value(r, i));
	if (rc == 0)
		print_lines(&c, out);
	free(c.named);
	free(c.slots);
	vec_deinit(&c.lines);
	return rc < 0 ? err_set(e, rc, "cannot collapse the stacks") : 0;
}
